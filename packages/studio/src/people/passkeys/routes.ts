import { HoldfastError } from "@holdfast/core";
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import type { PeopleRouteName, RouteCall, RouteHandler } from "../../http/routes.ts";
import type { AttemptCounter } from "../auth/attempts.ts";
import { type Body, jsonOf, personOf, send, textOf } from "../requests.ts";
import type { Passkeys } from "./passkeys.ts";
import { type RelyingParty, relyingPartyOf } from "./relying-party.ts";

export interface PasskeyRoutesOptions {
  readonly passkeys: Passkeys;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  readonly attempts: AttemptCounter;
  readonly addressOf: (call: RouteCall) => string;
  /** Signs a person in, in the browser of the call, and records it. */
  readonly signInAs: (call: RouteCall, person: string) => Promise<void>;
  /** Records a sign-in that was refused. */
  readonly noteRefusal: (call: RouteCall) => Promise<void>;
}

type PasskeyRouteName = Extract<PeopleRouteName, `${string} /people/passkey${string}`>;

/** Handlers of the routes about passkeys. */
export function createPasskeyRoutes(
  options: PasskeyRoutesOptions,
): Readonly<Record<PasskeyRouteName, RouteHandler>> {
  const { passkeys } = options;
  const siteOf = ({ request }: RouteCall): RelyingParty =>
    relyingPartyOf(options.origin(), request.headers.host);
  return {
    "GET /people/passkeys": async (call) =>
      send(call, 200, { passkeys: await passkeys.list(personOf(call)) }),
    "POST /people/passkeys/options": async (call) =>
      send(call, 200, await passkeys.registration(personOf(call), siteOf(call))),
    "POST /people/passkeys": async (call) => {
      const { name, response } = await jsonOf(call);
      const made = { name: textOf(name, "name", 100).trim(), response: registrationOf(response) };
      send(call, 201, await passkeys.add(personOf(call), siteOf(call), made));
    },
    "PATCH /people/passkeys/:passkey": async (call) => {
      const { name } = await jsonOf(call);
      const { passkey = "" } = call.params;
      await passkeys.rename(personOf(call), passkey, textOf(name, "name", 100).trim());
      send(call, 204);
    },
    "DELETE /people/passkeys/:passkey": async (call) => {
      await passkeys.remove(personOf(call), call.params["passkey"] ?? "");
      send(call, 204);
    },
    "POST /people/passkey/options": async (call) => send(call, 200, await passkeys.question(siteOf(call))),
    "POST /people/passkey": (call) => signIn(options, call, siteOf(call)),
  };
}

/** Signs in with the answer of a passkey. Throws `people.too_many_attempts`, `people.invalid_passkey`. */
async function signIn(options: PasskeyRoutesOptions, call: RouteCall, site: RelyingParty): Promise<void> {
  const { passkeys, attempts, addressOf } = options;
  const { response } = await jsonOf(call);
  const rule = { window: 10, max: 5 };
  if (!(await attempts.consume(`passkey ${addressOf(call)}`, rule)).allowed)
    throw new HoldfastError("people", "too_many_attempts", "Too many attempts. Wait ten seconds.", {
      statusCode: 429,
    });
  let person: string;
  try {
    person = await passkeys.personOf(site, authenticationOf(response));
  } catch (error) {
    await options.noteRefusal(call);
    throw error;
  }
  await options.signInAs(call, person);
}

/** The library checks the parts of an answer. Throws `message.invalid`. */
function answerOf(value: unknown): Body {
  const isAnswer = typeof value === "object" && value !== null && "response" in value && "id" in value;
  const inner = isAnswer ? value.response : undefined;
  if (isAnswer && typeof inner === "object" && inner !== null) return value as unknown as Body;
  throw new HoldfastError("message", "invalid", "response must be what the passkey has answered", {
    statusCode: 400,
  });
}

function registrationOf(value: unknown): RegistrationResponseJSON {
  return answerOf(value) as unknown as RegistrationResponseJSON;
}

function authenticationOf(value: unknown): AuthenticationResponseJSON {
  return answerOf(value) as unknown as AuthenticationResponseJSON;
}
