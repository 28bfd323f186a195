/** Who is signed in: a signed cookie, checked at each connection and call. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { UserError } from "holdfast";
import { cookieKey, password } from "./settings.ts";

const name = "bot_session";
const lifetimeMs = 7 * 86_400_000;
const maxFailures = 10;
const failureWindowMs = 60_000;
let failures: number[] = [];

const sign = (expiresAt: string) => createHmac("sha256", cookieKey()).update(expiresAt).digest("base64url");

function isSame(left: string, right: string): boolean {
  const digest = (value: string) => createHash("sha256").update(value).digest();
  return timingSafeEqual(digest(left), digest(right));
}

/** The cookie for whoever knows the password; undefined otherwise. Throws `user.too_many_attempts`. */
export function signIn(given: string, isSecure: boolean, now = Date.now()): string | undefined {
  failures = failures.filter((at) => at > now - failureWindowMs);
  if (failures.length >= maxFailures)
    throw new UserError("Too many wrong passwords. Try again in a minute.", { code: "too_many_attempts" });
  if (!isSame(given, password())) {
    failures.push(now);
    return undefined;
  }
  const expiresAt = String(now + lifetimeMs);
  return cookie(`${expiresAt}.${sign(expiresAt)}`, lifetimeMs / 1000, isSecure);
}

export function signOut(isSecure: boolean): string {
  return cookie("", 0, isSecure);
}

/** True for a request with a valid cookie. */
export function isSignedIn(request: Request | undefined, now = Date.now()): boolean {
  const cookies = request?.headers.get("cookie") ?? "";
  const [, value = ""] = cookies.match(new RegExp(`(?:^|;\\s*)${name}=([^;]*)`)) ?? [];
  const [expiresAt = "", signature = ""] = value.split(".");
  return Number(expiresAt) > now && isSame(signature, sign(expiresAt));
}

/** For `onAuth` of actors: throws `auth.unauthorized`-like errors that the page shows as its sign-in form. */
export function requireSignIn(request: Request | undefined): void {
  if (!isSignedIn(request)) throw new UserError("Sign in first", { code: "signed_out" });
}

function cookie(value: string, maxAge: number, isSecure: boolean): string {
  const secure = isSecure ? "; Secure" : "";
  return `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}
