const browsers: readonly (readonly [string, RegExp])[] = [
  ["Edge", /\bEdgA?\//],
  ["Opera", /\bOPR\//],
  ["Firefox", /\b(?:Firefox|FxiOS)\//],
  ["Chrome", /\b(?:Headless)?(?:Chrome|CriOS|Chromium)\//],
  ["Safari", /\bVersion\/.+Safari\//],
  ["Node.js", /^node\b/i],
  ["curl", /^curl\//],
];

const systems: readonly (readonly [string, RegExp])[] = [
  ["iPhone", /iPhone/],
  ["iPad", /iPad/],
  ["Android", /Android/],
  ["Windows", /Windows/],
  ["macOS", /Macintosh|Mac OS X/],
  ["ChromeOS", /CrOS/],
  ["Linux", /Linux/],
];

/** A browser and its system in words, "Firefox on Linux", as far as the User-Agent header says. */
export function deviceName(userAgent: string | null): string {
  if (userAgent === null) return "Unknown device";
  const first = (list: typeof browsers) => list.find(([, pattern]) => pattern.test(userAgent))?.[0];
  const [browser, system] = [first(browsers), first(systems)];
  if (browser === undefined && system === undefined) return "Unknown device";
  return [browser ?? "Unknown browser", system].filter((part) => part !== undefined).join(" on ");
}
