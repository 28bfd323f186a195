import { type FileHandle, open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The address of a Unix socket has at most 107 bytes. */
const maxAddressBytes = 107;

/**
 * Calls `use` with an address of the socket at `path`. A longer one than an address may be is told by a
 * descriptor of its directory, which stays open until `use` has ended.
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
