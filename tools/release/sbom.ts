/** Software bill of materials of a release, in CycloneDX, as npm makes it of what is installed here. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, workspacePackages } from "../workspace.ts";

export interface Bom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: BomComponent };
  readonly components: readonly BomComponent[];
}

export interface BomComponent {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** Name of the root, which stands for the whole release. */
const workspace = "holdfast-workspace";
const isPrivate = "cdx:npm:package:private";

/**
 * Bill of the packages in `names`. It also has what they are built of, marked as npm does with
 * `cdx:npm:package:development`, since the web apps and the programs of jails carry libraries inside.
 */
export function createBom(names: ReadonlySet<string>, version: string): Bom {
  const packages = workspacePackages();
  const selected = packages.filter(({ name }) => names.has(name)).map(({ name }) => `--workspace=${name}`);
  const output = execFileSync(
    "npm",
    ["sbom", "--sbom-format=cyclonedx", "--sbom-type=framework", ...selected],
    { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  const { version: present } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    version: string;
  };
  const own = new Map(packages.map((item) => [item.name, item.version]));
  return asReleased(output, own.set(workspace, present), names, version);
}

/**
 * Parses a bill, in which npm gives our own packages the names of their folders and their present versions, `own`.
 * They get their names and the version of the release, and the `published` ones are not private.
 */
export function asReleased(
  text: string,
  own: ReadonlyMap<string, string>,
  published: ReadonlySet<string>,
  version: string,
): Bom {
  const renamed = new Map<string, string>();
  const names = new Map<unknown, string>();
  for (const [name, old] of own) {
    names.set(`${name}@${version}`, name);
    renamed.set(`${name}@${old}`, `${name}@${version}`);
    const purl = `pkg:npm/${name.replace("@", "%40")}`;
    renamed.set(`${purl}@${old}`, `${purl}@${version}`);
  }
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value === "string") return renamed.get(value) ?? value;
    if (typeof value !== "object" || value === null || !("bom-ref" in value)) return value;
    const component = value as BomComponent;
    const name = names.get(component["bom-ref"]);
    if (name === undefined) return component;
    const { properties = [] } = component;
    const kept = properties.filter((property) => !published.has(name) || property.name !== isPrivate);
    return { ...component, name, version, properties: kept };
  }) as Bom;
}
