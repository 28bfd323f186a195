import type { Clock, Random } from "./ports.ts";

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Creates a UUIDv7 (RFC 9562), which sorts by creation time to the millisecond. */
export function uuidv7(clock: Clock, random: Random): string {
  const bytes = random.bytes(16);
  const now = clock.now();
  const high = Math.floor(now / 0x1_0000);
  bytes[0] = (high >>> 24) & 0xff;
  bytes[1] = (high >>> 16) & 0xff;
  bytes[2] = (high >>> 8) & 0xff;
  bytes[3] = high & 0xff;
  bytes[4] = (now >>> 8) & 0xff;
  bytes[5] = now & 0xff;
  return format(bytes, 0x70);
}

/** Creates a random UUIDv4 (RFC 9562). */
export function uuidv4(random: Random): string {
  return format(random.bytes(16), 0x40);
}

function format(bytes: Uint8Array, version: number): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | version;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const parts: string[] = [];
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) parts.push("-");
    parts.push(hex[bytes[i] ?? 0] ?? "");
  }
  // `join` yields a flat string. Concatenation would keep a rope of 30 nodes in memory.
  return parts.join("");
}
