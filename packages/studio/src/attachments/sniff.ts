/** What a file is, by its bytes: the type that a browser or a person claims is not trusted. */

const signatures: readonly (readonly [mediaType: string, offset: number, bytes: readonly number[]])[] = [
  ["image/png", 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["image/jpeg", 0, [0xff, 0xd8, 0xff]],
  ["image/gif", 0, [0x47, 0x49, 0x46, 0x38]],
  ["image/webp", 8, [0x57, 0x45, 0x42, 0x50]],
];

export const binaryType = "application/octet-stream";
export const textType = "text/plain";

/** One of four image types, text, or "application/octet-stream". */
export function mediaTypeOf(bytes: Uint8Array): string {
  const image = signatures.find(([, offset, expected]) =>
    expected.every((byte, index) => bytes[offset + index] === byte),
  );
  if (image !== undefined) return image[0];
  return isText(bytes) ? textType : binaryType;
}

function isText(bytes: Uint8Array): boolean {
  if (bytes.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
