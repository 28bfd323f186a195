/** Where commands act as a person: what `holdfast login` keeps, or the environment has. */
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { isLoopback } from "../../http/loopback.ts";

export interface Login {
  /** Address of the Studio, without a slash at the end. */
  readonly url: string;
  /** An API token of the person. */
  readonly token: string;
}

interface LoginFile extends Login {
  readonly version: 1;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Path of the file. */
export function loginPath({ XDG_CONFIG_HOME }: Environment = process.env): string {
  return join(XDG_CONFIG_HOME || join(homedir(), ".config"), "holdfast", "login.json");
}

/**
 * The login of the environment, or else of the file; undefined for none. Throws a `UsageError`, and `login.unsafe_file`
 * for a file that others can read.
 */
export async function readLogin(environment: Environment = process.env): Promise<Login | undefined> {
  const { HOLDFAST_URL: url = "", HOLDFAST_API_TOKEN: token = "" } = environment;
  if (url === "") return readFileOf(loginPath(environment));
  if (token === "") throw new UsageError("HOLDFAST_URL needs HOLDFAST_API_TOKEN");
  return { url: requireStudioUrl(url), token };
}

async function readFileOf(path: string): Promise<Login | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (found === undefined) return undefined;
  if ((found.mode & 0o077) !== 0) {
    const message = `Others can read ${path}, which has a token. Run: chmod 600 ${path}`;
    throw new HoldfastError("login", "unsafe_file", message);
  }
  const { version, url, token } = readJson(await readFile(path, "utf8"));
  if (version === 1 && typeof url === "string" && typeof token === "string") return { url, token };
  const message = `${path} is not a login. Remove it with: holdfast logout`;
  throw new HoldfastError("login", "invalid_file", message);
}

function readJson(text: string): Partial<Record<keyof LoginFile, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Keeps a login for this user alone. */
export async function writeLogin(login: Login): Promise<void> {
  const path = loginPath();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file: LoginFile = { version: 1, ...login };
  // An earlier attempt may have left it with another mode.
  await rm(`${path}.partial`, { force: true });
  await writeFile(`${path}.partial`, `${JSON.stringify(file)}\n`, { mode: 0o600, flag: "wx" });
  await rename(`${path}.partial`, path);
}

/** Returns whether there was one. */
export async function removeLogin(): Promise<boolean> {
  try {
    await rm(loginPath());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** Throws a `UsageError` unless a token can be sent there. */
export function requireStudioUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "")
    throw new UsageError(`"${text}" is not the address of a Studio, such as https://studio.example.org`);
  if (url.protocol === "http:" && !isLoopback(url.hostname))
    throw new UsageError(`A token is sent with each request, so the address must begin with https://`);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}
