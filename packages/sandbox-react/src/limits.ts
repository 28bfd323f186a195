/** What a page draws before somebody asks for more. */
export const componentLimits = {
  /** Characters of a tool's input or output, a thought or a note that are shown at first. */
  shownCharacters: 20_000,
  /** Longer messages are shown as text: Markdown would be parsed anew at each piece that comes. */
  markdownCharacters: 40_000,
  /** Items of an open group of tools that are in the page at first, and with each request. */
  groupItems: 200,
  /** Old and new text of a file together; beyond it lines are not compared. */
  comparedCharacters: 400_000,
  /** Lines of a change of one file. */
  changeLines: 2_000,
  /** Lines that a terminal can be scrolled back by. */
  terminalScrollback: 10_000,
} as const;
