import { createHash, randomBytes } from "node:crypto";

/** SHA-256 in hexadecimal: what is stored of a secret, and the key of what is found by a value. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A secret of 256 bits, without characters that an address or a cookie must escape. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}
