/** From this length on, searching the bytes of a text is faster than searching the text. */
export const minAsciiLength = 256;

/** Size of the reused buffer; longer texts get one of their own. */
const bufferBytes = 1024 * 1024;

/** The bytes of an ASCII text. */
export interface AsciiText {
  /** At least as long as the text; the bytes behind it are undefined. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

const encoder = new TextEncoder();
let buffer: AsciiText | undefined;

function allocate(length: number): AsciiText {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}

/**
 * The bytes of an ASCII text; undefined for any other text. They are valid until the next call, which reuses the memory.
 * Reading bytes avoids the indirection that each character of a concatenated string costs.
 */
export function toAscii(text: string): AsciiText | undefined {
  const { length } = text;
  if (length <= bufferBytes) buffer ??= allocate(bufferBytes);
  const ascii = length <= bufferBytes && buffer !== undefined ? buffer : allocate(length);
  const { read, written } = encoder.encodeInto(text, ascii.bytes);
  return read === length && written === length ? ascii : undefined;
}
