import type { BetterAuthPlugin } from "better-auth";
import { createAuthEndpoint } from "better-auth/api";
import { setSessionCookie } from "better-auth/cookies";

/** What the endpoint is called with; no route of the Studio leads to it. */
interface SignInAsBody {
  readonly person: string;
}

/** What the plugin adds to the interface of better-auth. */
export interface SignInAs {
  /** Resolves to a response with the cookie of the new session. */
  signInAs(call: {
    readonly body: SignInAsBody;
    readonly headers: Headers;
    readonly asResponse: true;
  }): Promise<Response>;
}

/** Gives better-auth an endpoint, for this process alone, that signs in a person who has proven who they are. */
export function signInAsPlugin(): BetterAuthPlugin {
  return {
    id: "holdfast-sign-in-as",
    endpoints: {
      signInAs: createAuthEndpoint(
        "/holdfast/sign-in-as",
        { method: "POST", metadata: { SERVER_ONLY: true } },
        async (c) => {
          const { person } = (c.body as unknown as SignInAsBody | undefined) ?? { person: "" };
          const user = await c.context.internalAdapter.findUserById(person);
          if (user === null) throw c.error("UNAUTHORIZED");
          const session = await c.context.internalAdapter.createSession(user.id);
          await setSessionCookie(c, { session, user });
          return c.json({ user: { id: user.id, name: user.name, email: user.email } });
        },
      ),
    },
  };
}
