import { fileURLToPath } from "node:url";

/** The folder with `ipc` and `holdfast-mcp`, to be mounted read-only and put on the jail's PATH. */
export const guestProgramsDirectory: string = fileURLToPath(new URL("../programs", import.meta.url));
