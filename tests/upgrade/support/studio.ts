import { tmpdir } from "node:os";
import type { StudioOptions } from "@holdfast/studio";

/** A Studio with people, which finds nothing of this machine but its programs. */
export function studioOptions(dataDirectory: string): StudioOptions {
  return {
    dataDirectory,
    people: true,
    // No web app is needed.
    webDirectory: tmpdir(),
    environment: { PATH: process.env["PATH"] },
    vault: { logins: false },
  };
}
