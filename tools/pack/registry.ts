/**
 * A registry on loopback with the built packages, so that an install from it is the install of a user: npm takes
 * `@holdfast/*` from here (`--@holdfast:registry=URL`) and everything else from where it always does, or, without a
 * network, from here too.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { staging } from "./checks.ts";
import type { InstalledPackages } from "./installed-packages.ts";
import type { PackedPackage } from "./packed-package.ts";

const tarballs = join(staging, "tarballs");

function stagedFolders(): string[] {
  return readdirSync(join(staging, "packages"))
    .map((folder) => join(staging, "packages", folder))
    .filter((folder) => existsSync(join(folder, "package.json")));
}

/** Makes a tarball of every staged package, as `npm publish` would upload it. */
export function packTarballs(): PackedPackage[] {
  rmSync(tarballs, { recursive: true, force: true });
  mkdirSync(tarballs, { recursive: true });
  // One start of npm for all of them.
  execFileSync("npm", ["pack", "--ignore-scripts", "--pack-destination", tarballs, ...stagedFolders()], {
    stdio: "ignore",
  });
  return packedPackages();
}

/** The tarballs that {@link packTarballs} has made. */
export function packedPackages(): PackedPackage[] {
  return stagedFolders().map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
      name: string;
      version: string;
    };
    const file = `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`;
    return { ...manifest, manifest: { ...manifest }, tarball: join(tarballs, file) };
  });
}

export interface LocalRegistry extends AsyncDisposable {
  readonly url: string;
  /** What npm has to be told to install from here. */
  readonly npmOptions: readonly string[];
}

export async function startRegistry(
  packages: readonly PackedPackage[],
  others?: InstalledPackages,
): Promise<LocalRegistry> {
  let url = "";
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname).slice(1);
    const own = packages.filter(({ name, tarball }) => path === name || tarball.endsWith(`/${path}`));
    const items = own.length > 0 ? own : (others?.named(path) ?? []);
    const [item] = items;
    if (item === undefined) {
      response.writeHead(404, { "content-type": "application/json" }).end('{"error":"not found"}');
    } else if (path === item.name) {
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify(packument(items, url)));
    } else {
      response.writeHead(200, { "content-type": "application/octet-stream" }).end(readFileSync(item.tarball));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    npmOptions: [`--@holdfast:registry=${url}`],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The document of one package, as npm asks for it; the first version is the latest. */
function packument(items: readonly PackedPackage[], url: string) {
  const versions = items.map(({ version, manifest, tarball }) => {
    const integrity = `sha512-${createHash("sha512").update(readFileSync(tarball)).digest("base64")}`;
    const dist = { tarball: `${url}/${tarball.slice(tarball.lastIndexOf("/") + 1)}`, integrity };
    return [version, { ...manifest, dist }] as const;
  });
  const [latest] = items;
  return {
    ...{ name: latest?.name, "dist-tags": { latest: latest?.version } },
    versions: Object.fromEntries(versions),
  };
}
