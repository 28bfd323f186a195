import { spawn } from "node:child_process";
import { CreateError } from "./create-project.ts";

export type PackageManager = "npm" | "pnpm" | "yarn" | "bun";

/** The package manager that runs this program, by what it says of itself. */
export function packageManager(userAgent = process.env["npm_config_user_agent"] ?? ""): PackageManager {
  const [name = ""] = userAgent.split("/");
  return name === "pnpm" || name === "yarn" || name === "bun" ? name : "npm";
}

/** The line that runs a script of the project. */
export function runLine(manager: PackageManager, script: string): string {
  return manager === "npm" && script !== "test" ? `npm run ${script}` : `${manager} ${script}`;
}

/** Codes of package managers for a registry that cannot be reached, each with what helps. */
const unreachable: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:E407|ERR_INVALID_PROXY|EPROXY)\b|407 Proxy/i,
    "the proxy asks for a name and a password: set them in HTTPS_PROXY (http://NAME:PASSWORD@HOST:PORT)",
  ],
  [
    /\b(?:SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE)\b/,
    "a proxy answers with a certificate of its own: name its authority with NODE_EXTRA_CA_CERTS=FILE",
  ],
  [
    /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT)\b/,
    "the registry cannot be reached. Without a network, try again later; behind a proxy, set HTTPS_PROXY",
  ],
  [/\bE404\b/, "the registry does not have one of the packages. Is another registry set in .npmrc?"],
  [/\bENOSPC\b/, "the disk is full"],
];

/** Why an install has failed, in words for people. */
export function installFailure(output: string): string {
  for (const [pattern, reason] of unreachable) if (pattern.test(output)) return reason;
  const line = output.split("\n").find((text) => /error/i.test(text));
  return line?.trim() ?? "the package manager said nothing";
}

/** Installs the packages of a project. Throws a {@link CreateError}; the project stays as it is. */
export async function install(directory: string, manager: PackageManager): Promise<void> {
  const args = manager === "npm" ? ["install", "--no-audit", "--no-fund"] : ["install"];
  const child = spawn(manager, args, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  const code = await new Promise<number | null>((resolve) => {
    child.on("close", resolve);
    child.on("error", (error) => {
      output += error.message;
      resolve(1);
    });
  });
  if (code === 0) return;
  throw new CreateError(`The packages were not installed: ${installFailure(output)}.`);
}
