/** The browser of the system: nothing is downloaded. RONDA_CHROMIUM names another one. */
export const chromium = {
  browserName: 'chromium' as const,
  launchOptions: {
    executablePath: process.env['RONDA_CHROMIUM'] ?? '/usr/bin/chromium',
    // Machines of continuous integration run as root, where Chromium refuses its sandbox, and have a small /dev/shm.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  },
};
