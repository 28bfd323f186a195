/** Initial rendering limits; more is shown on demand. */
export const componentLimits = {
  /** Characters of a tool's input or output, a thought or a note that are shown initially. */
  shownCharacters: 20_000,
  /** Longer messages are shown as text: Markdown would be parsed again for each chunk. */
  markdownCharacters: 40_000,
  /** Items of an expanded group of tools that are rendered initially, and added on demand. */
  groupItems: 200,
  /** Combined length of a file's old and new text, beyond which lines are not compared. */
  comparedCharacters: 400_000,
  /** Lines of a change of one file. */
  changeLines: 2_000,
  /** Scrollback lines of a terminal. */
  terminalScrollback: 10_000,
} as const;
