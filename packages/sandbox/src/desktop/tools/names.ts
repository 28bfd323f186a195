const names = [
  ...["start", "screenshot", "tree", "click", "move", "drag", "scroll", "type", "key", "launch", "windows"],
];

/** Names of the tools of the desktop, apart from the tools, so that a list of them loads nothing. */
export const desktopToolNames: readonly string[] = names.map((name) => `desktop_${name}`);
