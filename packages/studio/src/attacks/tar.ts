/** An entry of a hostile archive; not validated. */
export interface TarEntry {
  readonly name: string;
  readonly content?: string;
  /** ustar type flag: "0" file, "1" hard link, "2" symbolic link, "3" character device, "x" pax header. */
  readonly type?: "0" | "1" | "2" | "3" | "x";
  readonly link?: string;
  /** Size to declare in the header, if it should be false. */
  readonly size?: number;
  /** 0o644 by default. */
  readonly mode?: number;
}

/** A pax header with one record for the next entry. */
export function pax(key: string, value: string): TarEntry {
  const record = ` ${key}=${value}\n`;
  // The record's length includes its own digits.
  const short = record.length + String(record.length).length;
  const length = record.length + String(short).length;
  return { name: "pax", type: "x", content: `${length}${record}` };
}

const block = 512;

/** Builds a ustar archive with exactly these entries, including ones that no tool would write. */
export function hostileTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap(({ name, content = "", type = "0", link = "", size, mode = 0o644 }) => {
    const header = Buffer.alloc(block);
    const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, "0");
    header.write(name, 0, 100, "latin1");
    header.write(octal(mode, 8), 100);
    header.write(octal(0, 8), 108);
    header.write(octal(0, 8), 116);
    header.write(octal(size ?? content.length, 12), 124);
    header.write(octal(0, 12), 136);
    header.write(" ".repeat(8), 148);
    header.write(type, 156);
    header.write(link, 157, 100, "latin1");
    header.write("ustar\u000000", 257, "latin1");
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${octal(sum, 7)}\0 `, 148, "latin1");
    const body = Buffer.alloc(Math.ceil(content.length / block) * block);
    body.write(content);
    return [header, body];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}
