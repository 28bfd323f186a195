import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The maximum length of a Unix socket address, in bytes. */
const maxAddressBytes = 107;

/**
 * Calls `use` with an address of the socket at `path`. If the path is too long for an address, it goes through a
 * descriptor of the directory, which stays open until `use` has settled.
 */
export async function withSocketAddress<T>(path: string, use: (address: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= maxAddressBytes) return use(path);
  const directory: FileHandle = await open(dirname(path));
  try {
    return await use(join("/proc/self/fd", String(directory.fd), basename(path)));
  } finally {
    await directory.close();
  }
}
