import { isUtf8 } from "node:buffer";

/**
 * A path as text without loss: a byte that is not valid UTF-8 becomes the lone surrogate U+DC00 + byte (as
 * Python's surrogateescape). Such text never leaves the server: answers use {@link toDisplay}, with the bytes as
 * base64 beside it.
 */
export type PathText = string;

const lone = /[\uDC80-\uDCFF]/u;

export function decodeName(bytes: Buffer): PathText {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    text +=
      length === 0 ? String.fromCharCode(0xdc00 + (bytes[at] ?? 0)) : bytes.toString("utf8", at, at + length);
    at += Math.max(1, length);
  }
  return text;
}

/** The argument for a system call. */
export function encodeName(text: PathText): string | Buffer {
  if (!lone.test(text)) return text;
  const parts: Buffer[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.of(code - 0xdc00) : Buffer.from(character));
  }
  return Buffer.concat(parts);
}

/** The path for answers, with its bytes if the text cannot represent them. */
export function toDisplay(path: PathText): { readonly path: string; readonly pathBase64?: string } {
  if (!lone.test(path)) return { path };
  return { path: path.toWellFormed(), pathBase64: Buffer.from(encodeName(path)).toString("base64") };
}

/** The path for text formats that cannot carry bytes: bytes that are not UTF-8 become `%FF`. */
export function escapeName(path: PathText): string {
  return path.replace(
    /[\uDC80-\uDCFF]/gu,
    (character) => `%${(character.charCodeAt(0) - 0xdc00).toString(16).toUpperCase()}`,
  );
}

/** Length in bytes of the UTF-8 sequence at `at`; 0 if there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const length = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (length === 0 || at + length > bytes.length) return 0;
  return isUtf8(bytes.subarray(at, at + length)) ? length : 0;
}
