/** CRC-32 of ISO 3309, as in zip and PNG: detects accidental damage, but not forgery. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables();
  let crc = 0xff_ff_ff_ff;
  let at = 0;
  // Eight bytes at once, each through a table of its own ("slicing by 8", Kounavis and Berry 2005).
  for (const last = bytes.length - 8; at <= last; at += 8) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (t7[crc & 0xff] as number) ^
      (t6[(crc >>> 8) & 0xff] as number) ^
      (t5[(crc >>> 16) & 0xff] as number) ^
      (t4[crc >>> 24] as number) ^
      (t3[bytes[at + 4] as number] as number) ^
      (t2[bytes[at + 5] as number] as number) ^
      (t1[bytes[at + 6] as number] as number) ^
      (t0[bytes[at + 7] as number] as number);
  }
  for (; at < bytes.length; at++) crc = (t0[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}

type Tables = readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

let made: Tables | undefined;

function tables(): Tables {
  made ??= makeTables();
  return made;
}

/** The table at index n is that of a byte with n zero bytes behind it. */
function makeTables(): Tables {
  const first = Int32Array.from({ length: 256 }, (_, index) => {
    let entry = index;
    for (let bit = 0; bit < 8; bit++) entry = (entry & 1) === 1 ? 0xed_b8_83_20 ^ (entry >>> 1) : entry >>> 1;
    return entry;
  });
  const next = (table: Int32Array): Int32Array =>
    table.map((entry) => (first[entry & 0xff] as number) ^ (entry >>> 8));
  const t1 = next(first);
  const t2 = next(t1);
  const t3 = next(t2);
  const t4 = next(t3);
  const t5 = next(t4);
  const t6 = next(t5);
  return [first, t1, t2, t3, t4, t5, t6, next(t6)];
}
