/** One entry of a hostile archive; nothing of it is checked. */
export interface TarEntry {
  readonly name: string;
  readonly content?: string;
  /** As in the ustar format: "0" file, "1" hard link, "2" symbolic link, "3" character device. */
  readonly type?: "0" | "1" | "2" | "3";
  readonly link?: string;
  /** What the header says, if not the truth. */
  readonly size?: number;
}

const block = 512;

/** A tar archive (ustar) with exactly these entries, which no tool would write. */
export function hostileTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap(({ name, content = "", type = "0", link = "", size }) => {
    const header = Buffer.alloc(block);
    const octal = (value: number, length: number) => value.toString(8).padStart(length - 1, "0");
    header.write(name, 0, 100, "latin1");
    header.write(octal(0o644, 8), 100);
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
