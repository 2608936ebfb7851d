export * from './controls';
export * from './feedback';
export * from './icon';
export * from './overlays';
export * from './people';
export * from './page';
export * from './simulated';
