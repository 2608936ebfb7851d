export * from './controls';
export * from './feedback';
export * from './finder';
export * from './icon';
export * from './overlays';
export * from './people';
export * from './page';
export * from './targets';
