import { spawn } from "node:child_process";
import { buffer } from "node:stream/consumers";
import { unavailable } from "../jail-errors.ts";

import { systemMounts, writeRoot } from "../oci/oci-bundle.ts";
import { type EngineClient, isRecord } from "./engine-client.ts";

export interface DockerImage {
  /** Its id: "sha256:...". */
  readonly image: string;
  /** Whether podman answers on docker's socket. */
  readonly isPodman: boolean;
}

/** Imports an empty root as an image, without a registry: everything that a jail sees is mounted into it. */
export async function importImage(client: EngineClient, root: string): Promise<DockerImage> {
  writeRoot(root, systemMounts());
  const tar = spawn("tar", ["--numeric-owner", "--owner=0", "--group=0", "-C", root, "-cf", "-", "."], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const failed = new Promise<never>((_resolve, reject) => {
    tar.once("error", (cause) =>
      reject(unavailable("Docker jails need the program tar. Install the package tar", cause)),
    );
  });
  const archive = await Promise.race([buffer(tar.stdout), failed]);
  const query = "fromSrc=-&repo=localhost/holdfast-jail&tag=1";
  const image = lastStatus(await client.call("POST", `/images/create?${query}`, archive));
  if (image === undefined) throw unavailable("The container engine did not import the root of a jail");
  const version = await client.call("GET", "/version");
  return { image, isPodman: JSON.stringify(version).includes("Podman Engine") };
}

/** The image id in the answer, which has a line of JSON for each step. */
function lastStatus(answer: unknown): string | undefined {
  const values: unknown[] = isRecord(answer)
    ? [answer]
    : String(answer)
        .split("\n")
        .filter((line) => line.trim().startsWith("{"))
        .map((line): unknown => JSON.parse(line));
  const status = values.map((each) => (isRecord(each) ? each["status"] : undefined));
  return status.findLast((each): each is string => typeof each === "string" && each.startsWith("sha256:"));
}
