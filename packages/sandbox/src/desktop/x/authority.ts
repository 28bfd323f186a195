import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";

/** In an authority file: the entry is for any address. */
const anyAddress = 0xffff;
const scheme = "MIT-MAGIC-COOKIE-1";

/**
 * Writes a new secret that clients of the display must present, so that other users of this machine cannot look at it
 * or type into it. The format is that of xauth(1): a number, then strings, each after its length; big-endian.
 */
export async function writeAuthority(path: string): Promise<Buffer> {
  const cookie = randomBytes(16);
  const family = Buffer.alloc(2);
  family.writeUInt16BE(anyAddress);
  const strings = [Buffer.alloc(0), Buffer.alloc(0), Buffer.from(scheme), cookie];
  const parts = strings.flatMap((bytes) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    return [length, bytes];
  });
  await writeFile(path, Buffer.concat([family, ...parts]), { mode: 0o600 });
  return cookie;
}
