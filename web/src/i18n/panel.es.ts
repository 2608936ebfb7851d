/** Texts of the control panel, loaded with it. */
export default {
  'panel.title': 'Panel de control',
} as const;
