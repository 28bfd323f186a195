import { HoldfastError, isHoldfastError, type Logger } from "@holdfast/core";
import type { Identify } from "../../access/person.ts";
import { signInProviderIds } from "../../contract/people.ts";
import { headersOf } from "../../http/router.ts";
import type { PeopleRouteName, RouteCall, RouteHandler } from "../../http/routes.ts";
import type { AttemptCounter } from "../auth/attempts.ts";
import { sha256 } from "../hash.ts";
import { jsonOf, personOf, send, textOf } from "../requests.ts";
import type { AttemptCookies, SignInAttempt } from "./attempt-cookie.ts";
import type { ProviderAccounts } from "./join.ts";
import { type Provider, refused } from "./provider.ts";
import type { Providers } from "./providers.ts";

export interface ProviderRoutesOptions {
  readonly providers: Providers;
  readonly accounts: ProviderAccounts;
  readonly cookies: () => AttemptCookies;
  readonly identify: Identify;
  readonly attempts: AttemptCounter;
  readonly addressOf: (call: RouteCall) => string;
  /** Signs a person in and returns the cookies, and records it. */
  readonly sessionFor: (call: RouteCall, person: string, way: Provider["id"]) => Promise<readonly string[]>;
  /** Records a sign-in that was refused. */
  readonly noteRefusal: (call: RouteCall, way: Provider["id"]) => Promise<void>;
  readonly log: Logger;
}

type ProviderRouteName = Extract<
  PeopleRouteName,
  `${string} /people/providers${string}` | "GET /people/connected"
>;

/** How long a repeated request to come back gets the outcome of the first one. */
const repeatMs = 60_000;
const maxOutcomes = 1_000;

/** Handlers of the routes for sign-in at providers. */
export function createProviderRoutes(
  options: ProviderRoutesOptions,
): Readonly<Record<ProviderRouteName, RouteHandler>> {
  const { providers, accounts } = options;
  const callback = new Callback(options);
  return {
    "GET /people/providers": async (call) =>
      send(call, 200, { providers: (await providers.list()).map(({ id, name }) => ({ id, name })) }),
    "GET /people/connected": async (call) =>
      send(call, 200, { connected: await accounts.connected(personOf(call).id) }),
    "POST /people/providers/:provider": async (call) => {
      const { invitation } = await jsonOf(call);
      const token = invitation === undefined ? null : textOf(invitation, "invitation", 200);
      await begin(options, call, { invitation: token, linksTo: null });
    },
    "POST /people/providers/:provider/link": (call) =>
      begin(options, call, { invitation: null, linksTo: personOf(call).id }),
    "DELETE /people/providers/:provider": async (call) => {
      await accounts.disconnect(personOf(call).id, providerId(call.params["provider"]));
      send(call, 204);
    },
    "GET /people/providers/:provider/callback": (call) => callback.answer(call),
  };
}

/** An account stays connected when its provider was removed. Throws `people.unknown_provider`. */
function providerId(text: string | undefined): Provider["id"] {
  const found = signInProviderIds.find((id) => id === text);
  if (found !== undefined) return found;
  const message = "There is no such provider";
  throw new HoldfastError("people", "unknown_provider", message, { statusCode: 404 });
}

/** Answers with the address of the provider. Throws `people.unknown_provider`, `.too_many_attempts`, `.provider_*`. */
async function begin(
  { providers, cookies, attempts, addressOf }: ProviderRoutesOptions,
  call: RouteCall,
  given: Pick<SignInAttempt, "invitation" | "linksTo">,
): Promise<void> {
  const provider = await providers.get(call.params["provider"]);
  if (!(await attempts.consume(`provider ${addressOf(call)}`, { window: 10, max: 10 })).allowed)
    throw new HoldfastError("people", "too_many_attempts", "Too many attempts. Wait ten seconds.", {
      statusCode: 429,
    });
  const { attempt, cookie } = cookies().begin({ provider: provider.id, ...given });
  const url = await provider.authorizationUrl(attempt, providers.redirectURI(provider));
  call.response.setHeader("set-cookie", cookie);
  send(call, 200, { url: url.href });
}

/** People who come back from a provider. */
class Callback {
  readonly #options: ProviderRoutesOptions;
  /** Outcomes by the hash of the state: a browser that sends the request twice gets the same answer twice. */
  readonly #outcomes = new Map<string, Promise<string>>();

  constructor(options: ProviderRoutesOptions) {
    this.#options = options;
  }

  async answer(call: RouteCall): Promise<void> {
    const { cookies, identify, sessionFor, noteRefusal, log } = this.#options;
    const query = new URL(call.request.url ?? "/", "http://localhost").searchParams;
    const state = query.get("state") ?? "";
    const attempt = cookies().read(call.request.headers.cookie, state);
    if (attempt === undefined || attempt.provider !== call.params["provider"]) {
      // A page that is loaded again after the sign-in.
      const isSignedIn = (await identify(headersOf(call.request))) !== undefined;
      redirect(call, isSignedIn ? "/" : problemAt("/", "people.provider_expired"), []);
      return;
    }
    const isLink = attempt.linksTo !== null;
    const ended = cookies().end(state);
    try {
      const person = await this.#once(state, () => this.#personOf(call, query, attempt));
      const session = isLink ? [] : await sessionFor(call, person, attempt.provider);
      redirect(call, isLink ? "/account" : "/", [ended, ...session]);
    } catch (error) {
      if (!isHoldfastError(error)) log.error("a sign-in at a provider failed", { error });
      else log.warn("a sign-in at a provider was refused", { provider: attempt.provider, error });
      if (!isLink) await noteRefusal(call, attempt.provider);
      const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
      redirect(call, problemAt(isLink ? "/account" : "/", code), [ended]);
    }
  }

  async #personOf(call: RouteCall, query: URLSearchParams, attempt: SignInAttempt): Promise<string> {
    const { providers, accounts, identify } = this.#options;
    const provider = await providers.get(attempt.provider);
    const failure = query.get("error");
    if (failure === "access_denied") throw denied(provider);
    const code = query.get("code") ?? "";
    if (failure !== null || code === "") throw refused(provider.name, (failure ?? "no code").slice(0, 100));
    const profile = await provider.profileOf(code, attempt, providers.redirectURI(provider));
    const signedIn = attempt.linksTo === null ? undefined : await identify(headersOf(call.request));
    return await accounts.personFor(provider, profile, attempt, signedIn);
  }

  #once(state: string, run: () => Promise<string>): Promise<string> {
    const key = sha256(state);
    const known = this.#outcomes.get(key);
    if (known !== undefined) return known;
    const outcome = run();
    const [oldest] = this.#outcomes.keys();
    if (this.#outcomes.size >= maxOutcomes && oldest !== undefined) this.#outcomes.delete(oldest);
    this.#outcomes.set(key, outcome);
    const forget = () => {
      setTimeout(() => this.#outcomes.delete(key), repeatMs).unref();
    };
    outcome.then(forget, forget);
    return outcome;
  }
}

function denied({ name }: Provider): HoldfastError {
  const message = `You did not allow the sign-in at ${name}. Start again, or sign in another way.`;
  return new HoldfastError("people", "provider_denied", message, { statusCode: 403 });
}

/** The page says what the code means: no text of an address is ever shown. */
function problemAt(page: string, code: string): string {
  return `${page}#problem=${code}`;
}

function redirect({ response }: RouteCall, location: string, cookies: readonly string[]): void {
  response.writeHead(303, {
    location,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "set-cookie": [...cookies],
  });
  response.end();
}
