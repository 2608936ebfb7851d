/** A browser and a system, from what the browser says of itself. */
export function deviceName(agent: string): string {
  // In this order: Edge also says Chrome and Safari, Android also says Linux.
  const browser = ['Edg', 'OPR', 'Firefox', 'Chrome', 'Safari'].find((name) => agent.includes(`${name}/`)) ?? '';
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS X', 'Linux'].find((name) => agent.includes(name)) ?? '';
  const nice: Record<string, string> = { Edg: 'Edge', OPR: 'Opera', 'Mac OS X': 'macOS' };
  return [nice[browser] ?? browser, nice[system] ?? system].filter(Boolean).join(' · ') || agent.slice(0, 40);
}
