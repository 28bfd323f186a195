import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";

/** A value encrypted with AES-256-GCM; fields in base64. */
export interface Sealed {
  readonly iv: string;
  readonly tag: string;
  readonly data: string;
}

/** Encrypts a value. Only an entry of the same name can be opened with it. */
export function seal(key: Uint8Array, name: string, value: string): Sealed {
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, iv).setAAD(Buffer.from(name));
  const data = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
  return {
    iv: iv.toString("base64"),
    tag: cipher.getAuthTag().toString("base64"),
    data: data.toString("base64"),
  };
}

/** Decrypts an entry. Throws `vault.damaged`. */
export function openSealed(key: Uint8Array, name: string, { iv, tag, data }: Sealed): string {
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(iv, "base64"));
    decipher.setAAD(Buffer.from(name)).setAuthTag(Buffer.from(tag, "base64"));
    return Buffer.concat([decipher.update(Buffer.from(data, "base64")), decipher.final()]).toString();
  } catch (cause) {
    throw damaged(`the entry ${name} cannot be decrypted`, cause);
  }
}

export function damaged(problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError("vault", "damaged", `The vault cannot be read: ${problem}`, {
    statusCode: 500,
    ...(cause === undefined ? {} : { cause }),
  });
}
