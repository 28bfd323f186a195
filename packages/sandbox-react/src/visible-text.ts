/**
 * Characters that change how text looks without being visible: directions, joiners, zero-width spaces, tags and
 * controls. In an agent's text they can make a command or a change look like another one.
 */
const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: naming control characters is the purpose.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** The text with every hidden character made visible, so that the user approves what they read. */
export function visibleText(text: string): string {
  return text.replace(hidden, (character) => {
    if (character === "\r") return "␍";
    if (character === "\u001b") return "␛";
    return `⟨U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}
