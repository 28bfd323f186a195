/** Characters from which on it is quicker to look at the bytes of a text than at the text. */
export const minAsciiLength = 256;

/** Memory for texts up to this many characters is kept. */
const keptBytes = 1024 * 1024;

export interface AsciiText {
  /** At least as long as the text; what is behind it means nothing. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const encoder = new TextEncoder();
let kept: AsciiText | undefined;

function memoryFor(length: number): AsciiText {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}

/**
 * The bytes of a text of ASCII characters, one for each; undefined for any other text. They are good until
 * this is called again, which gives the same memory. A string that was put together of many is read
 * through a step more for each character, and bytes are not.
 */
export function toAscii(text: string): AsciiText | undefined {
  const { length } = text;
  if (length <= keptBytes) kept ??= memoryFor(keptBytes);
  const ascii = length <= keptBytes && kept !== undefined ? kept : memoryFor(length);
  const { read, written } = encoder.encodeInto(text, ascii.bytes);
  return read === length && written === length ? ascii : undefined;
}
