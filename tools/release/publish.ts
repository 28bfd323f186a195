/** Publishes a prepared release with npm, one package after the other. It can be repeated after a failure. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Release, ReleasedPackage } from "./prepare.ts";

const run = promisify(execFile);

export interface PublishOptions {
  /** False outside a CI service that signs where a package was built. */
  readonly provenance: boolean;
  /** Options of npm behind those of each command. */
  readonly npmOptions?: readonly string[];
  readonly report: (line: string) => void;
}

/** What the registry has of a version. */
interface Published {
  /** Commit from which it was made, where it names one. */
  readonly commit?: string;
  /** SHA-512 of the tarball, as Subresource Integrity writes it. */
  readonly integrity?: string;
}

/** Skips what is published already; throws if that was made of another commit, or is another tarball. */
export async function publishRelease(
  folder: string,
  release: Release,
  { provenance, npmOptions = [], report }: PublishOptions,
): Promise<void> {
  for (const item of release.packages) {
    const tarball = join(folder, item.file);
    const found = await publishedVersion(item, npmOptions);
    if (found === undefined) {
      const signed = provenance ? ["--provenance"] : [];
      await publish(tarball, [...signed, "--tag", release.tag, ...npmOptions]);
      report(`${item.name} ${item.version}: published`);
    } else {
      requireSame(item, release.commit, found, integrityOf(tarball));
      report(`${item.name} ${item.version}: published already`);
    }
  }
}

function requireSame(
  { name, version }: ReleasedPackage,
  commit: string,
  found: Published,
  integrity: string,
): void {
  if (found.commit !== commit)
    throw new Error(
      `${name} ${version} is published already, from ${found.commit ?? "an unknown commit"}. ` +
        "Release that commit, or choose another version.",
    );
  if (found.integrity !== integrity)
    throw new Error(
      `${name} ${version} is published already from this commit, but as another tarball. ` +
        "Go on in the folder with which that release began (--out), or choose another version.",
    );
}

function integrityOf(tarball: string): string {
  return `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`;
}

async function publish(tarball: string, options: readonly string[]): Promise<void> {
  await run("npm", ["publish", tarball, "--access", "public", "--ignore-scripts", ...options]);
}

/** Undefined for a version that is not published. */
async function publishedVersion(
  { name, version }: ReleasedPackage,
  npmOptions: readonly string[],
): Promise<Published | undefined> {
  const fields = ["name", "gitHead", "dist.integrity"];
  const args = ["view", `${name}@${version}`, ...fields, "--json", "--prefer-online", ...npmOptions];
  try {
    const { stdout } = await run("npm", args);
    const found = JSON.parse(stdout) as { readonly gitHead?: string; readonly "dist.integrity"?: string };
    const { gitHead: commit, "dist.integrity": integrity } = found;
    return { ...(commit === undefined ? {} : { commit }), ...(integrity === undefined ? {} : { integrity }) };
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    if (/"code": "E404"/.test(stdout)) return undefined;
    throw new Error(`npm does not tell whether ${name} ${version} is published:\n${stderr}`, {
      cause: error,
    });
  }
}
