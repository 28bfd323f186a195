import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { dirname, join } from "node:path";

const mode = { directory: 0o040755, program: 0o100755, link: 0o120777 } as const;

/** An archive as the kernel takes it for its first root (cpio, "newc"). */
export class Cpio {
  readonly #parts: Buffer[] = [];
  readonly #names = new Set<string>();

  directory(path: string): void {
    if (path !== "/" && path !== ".") this.#add(path, mode.directory, Buffer.alloc(0));
  }

  file(path: string, content: Buffer | string): void {
    this.#add(path, mode.program, Buffer.from(content));
  }

  link(path: string, target: string): void {
    this.#add(path, mode.link, Buffer.from(target));
  }

  /** A file or a tree of this machine, at the same or another path. */
  copy(source: string, path = source): void {
    const stat = lstatSync(source);
    if (stat.isSymbolicLink()) this.link(path, readlinkSync(source));
    else if (!stat.isDirectory()) this.file(path, readFileSync(source));
    else for (const name of readdirSync(source)) this.copy(join(source, name), join(path, name));
  }

  end(): Buffer {
    this.#add("TRAILER!!!", 0, Buffer.alloc(0));
    return Buffer.concat(this.#parts);
  }

  #add(path: string, kind: number, content: Buffer): void {
    const name = path.replace(/^\//, "");
    if (this.#names.has(name)) return;
    if (dirname(name) !== "." && kind !== 0) this.directory(dirname(name));
    this.#names.add(name);
    const fields = [this.#names.size, kind, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
    const head = `070701${fields.map((each) => each.toString(16).padStart(8, "0")).join("")}${name}\0`;
    this.#parts.push(padded(Buffer.from(head)), padded(content));
  }
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
