/** better-auth over the actors of people: passwords and sessions. */
import { HoldfastError, type Logger } from "@holdfast/core";
import { betterAuth } from "better-auth/minimal";
import { magicLink } from "better-auth/plugins/magic-link";
import { studioLimits } from "../../limits.ts";
import type { PeopleActors } from "../actors/people-actors.ts";
import { newSecret } from "../hash.ts";
import type { AttemptCounter } from "./attempts.ts";
import { actorAdapter } from "./auth-adapter.ts";
import { type SignInAs, signInAsPlugin } from "./sign-in-as.ts";

/** Where better-auth believes to be; the routes put this before the paths of requests. */
export const authOrigin = "http://localhost";

/** The name of the cookie of a session begins with this. */
export const sessionCookie = "holdfast-people.session_token";

/** Path of the requests that better-auth answers. */
export const authPath = "/people/auth";

export interface AuthOptions {
  readonly actors: PeopleActors;
  /** Signs the cookies of sessions; the same on all nodes. */
  readonly secret: string;
  /** True where people open the Studio over HTTPS: browsers send its cookies over nothing else. */
  readonly isSecure?: boolean;
  readonly attempts: AttemptCounter;
  readonly log: Logger;
  /** Hands over the token by which a person signs in without their password. */
  readonly sendSignInToken: (email: string, token: string) => Promise<void>;
}

/** Without the types of plugins, which name packages that are none of our dependencies. */
type PlainAuth = Pick<ReturnType<typeof betterAuth>, "api" | "handler" | "$context">;

export interface Auth extends PlainAuth {
  /** Sends a link that signs the person in; an address that nobody has is answered alike. */
  sendSignInLink(email: string): Promise<unknown>;
  /** Signs in a person who has proven who they are. The answer has the cookie. */
  signInAs(person: string, headers: Headers): Promise<Response>;
}

/** Sign-up, sign-in and sessions with e-mail and password, by better-auth over the actors. */
export function createAuth({
  actors,
  secret,
  isSecure = false,
  attempts,
  log,
  sendSignInToken,
}: AuthOptions): Auth {
  const auth = betterAuth({
    appName: "Holdfast",
    baseURL: authOrigin,
    basePath: authPath,
    secret,
    database: actorAdapter(actors),
    telemetry: { enabled: false },
    emailAndPassword: {
      enabled: true,
      minPasswordLength: 12,
      maxPasswordLength: 128,
      revokeSessionsOnPasswordReset: true,
    },
    plugins: [
      magicLink({
        expiresIn: studioLimits.signInLinkTtlMs / 1_000,
        // People join by invitation alone.
        disableSignUp: true,
        storeToken: "hashed",
        sendMagicLink: ({ email, token }) => sendSignInToken(email, token),
      }),
      signInAsPlugin(),
    ],
    session: {
      expiresIn: studioLimits.personSessionMs / 1_000,
      // A copy in a cookie would outlive the end of its session.
      cookieCache: { enabled: false },
    },
    // Three attempts to sign in or up in ten seconds, by the address of the client.
    rateLimit: { enabled: true, window: 60, max: 100, customStorage: { consume: attempts.consume } },
    advanced: {
      cookiePrefix: "holdfast-people",
      useSecureCookies: isSecure,
      // The gateway refuses foreign origins before a request comes here.
      disableCSRFCheck: true,
      disableOriginCheck: true,
      // Of the two, only the server's own header can be trusted: it replaces what the client sent.
      ipAddress: { ipAddressHeaders: [peerHeader] },
      database: { generateId: () => crypto.randomUUID() },
    },
    databaseHooks: {
      session: {
        create: {
          // The token says whose session it is, so that no index of tokens is needed.
          before: async (session) => ({ data: { ...session, token: `${session.userId}_${newSecret()}` } }),
        },
      },
    },
    logger: {
      level: "error",
      log: (_level, message) => log.error("better-auth reported an error", { reason: message }),
    },
    onAPIError: {
      throw: false,
      onError: (error) => {
        if (!(error instanceof HoldfastError)) log.error("a request to better-auth failed", { error });
      },
    },
  });
  const sendSignInLink = (email: string) => auth.api.signInMagicLink({ body: { email }, headers: {} });
  // Declared by name, as its own type would be one of better-auth's packages.
  const own = auth.api as unknown as SignInAs;
  const signInAs = (person: string, headers: Headers) =>
    own.signInAs({ body: { person }, headers, asResponse: true });
  return Object.assign(auth as unknown as PlainAuth, { sendSignInLink, signInAs });
}

/** The header with the address of the client, set by the server. */
export const peerHeader = "x-holdfast-peer";
