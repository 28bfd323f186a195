/** Loaded before the program: gives the data directory to the user "node" (1000) and becomes that user, for good. */
import { chownSync, mkdirSync } from "node:fs";

const id = 1000;
if (process.getuid?.() === 0) {
  const data = process.env["HOLDFAST_DATA"] ?? "/data";
  mkdirSync(data, { recursive: true });
  chownSync(data, id, id);
  process.setgroups?.([]);
  process.setgid?.(id);
  process.setuid?.(id);
}
