/** The key for commands of the browser's system, as people write it. */
export const modKey = /mac|iphone|ipad/i.test(navigator.platform) ? "⌘" : "Ctrl";
