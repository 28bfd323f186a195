import { fileURLToPath } from "node:url";

/** Folder with `ipc` and `holdfast-mcp`. Mount it read-only and add it to the jail's PATH. */
export const guestProgramsDirectory: string = fileURLToPath(new URL("../programs", import.meta.url));
