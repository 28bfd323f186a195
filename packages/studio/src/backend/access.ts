import { actor } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { SealedEntry } from "@holdfast/gate";
import { studioLimits } from "../limits.ts";
import type { KeptSignIn } from "../people/providers/sign-in-settings.ts";
import type { BackendHost } from "./host.ts";

/** A secret, which is sealed with the cluster's key on several nodes. */
export type PeopleSecret = string | SealedEntry;

export interface AccessState {
  version: 1;
  /** SHA-256 of each one-time ticket, mapped to its expiry time. */
  tickets: Record<string, number>;
  /** Logins by the SHA-256 of the secret in the login cookie. */
  logins: Record<string, { createdAt: number; expiresAt: number }>;
  /** Signs the cookies of people's sessions. Absent without people. */
  secret?: string;
  /** On several nodes, the same sealed with the cluster's key. */
  sealedSecret?: SealedEntry;
  /** Signs requests to push services. Absent before the first subscription. */
  pushKeys?: { publicKey: string; privateKey: string };
  /** What was saved about sign-in with accounts elsewhere. Absent before the first time. */
  signIn?: KeptSignIn;
}

/** Stores hashed tickets and logins. Clients cannot reach this actor. */
export function createAccessActor(host: BackendHost) {
  const now = () => host.ports.clock.now();
  return actor({
    createState: (): AccessState => ({ version: 1, tickets: {}, logins: {} }),
    options: { name: "Access" },
    actions: {
      internal: {
        addTicket(c, hash: string): void {
          for (const [old, expiresAt] of Object.entries(c.state.tickets)) {
            if (expiresAt <= now()) delete c.state.tickets[old];
          }
          c.state.tickets[hash] = now() + studioLimits.ticketTtlMs;
        },

        /** Consumes a ticket and records a login. Throws `auth.invalid_ticket`. */
        exchange(c, ticket: string, login: string): { readonly expiresAt: number } {
          const valid = Object.hasOwn(c.state.tickets, ticket) ? (c.state.tickets[ticket] ?? 0) : 0;
          delete c.state.tickets[ticket];
          if (valid <= now()) {
            const message = "This link has expired or was already used. Request a new one from the server.";
            throw new HoldfastError("auth", "invalid_ticket", message, { statusCode: 401 });
          }
          const logins = Object.entries(c.state.logins).sort(([, a], [, b]) => a.createdAt - b.createdAt);
          const surplus = logins.length - studioLimits.maxLogins + 1;
          logins.forEach(([hash, { expiresAt }], index) => {
            if (expiresAt <= now() || index < surplus) delete c.state.logins[hash];
          });
          const expiresAt = now() + studioLimits.loginTtlMs;
          c.state.logins[login] = { createdAt: now(), expiresAt };
          return { expiresAt };
        },

        /** Deletes a login. An unknown login is not an error. */
        end(c, login: string): void {
          delete c.state.logins[login];
        },

        /** The secret that signs the cookies of people's sessions: the first one that was offered. */
        peopleSecret(c, offered: string): string {
          c.state.secret ??= offered;
          return c.state.secret;
        },

        /** As `peopleSecret` on several nodes. A secret that is not sealed is from the time of a single one. */
        sealedPeopleSecret(c, offered: SealedEntry): PeopleSecret {
          if (c.state.sealedSecret !== undefined) return { ...c.state.sealedSecret };
          if (c.state.secret !== undefined) return c.state.secret;
          c.state.sealedSecret = offered;
          return offered;
        },

        /** Replaces the entry with this `iv`; null stands for the secret that is not sealed. */
        replacePeopleSecret(c, iv: string | null, next: SealedEntry): boolean {
          if ((c.state.sealedSecret?.iv ?? null) !== iv) return false;
          c.state.sealedSecret = next;
          delete c.state.secret;
          return true;
        },

        /** The key pair of Web Push: the first one that was offered. Browsers subscribe with it. */
        pushKeys(c, offered: { publicKey: string; privateKey: string }) {
          c.state.pushKeys ??= offered;
          const { publicKey, privateKey } = c.state.pushKeys;
          return { publicKey, privateKey };
        },

        signIn: (c): KeptSignIn | null =>
          c.state.signIn === undefined ? null : (JSON.parse(JSON.stringify(c.state.signIn)) as KeptSignIn),

        keepSignIn(c, next: KeptSignIn): void {
          c.state.signIn = next;
        },

        /** Returns the login's expiry time, or 0 if there is no valid login. */
        check(c, login: string): number {
          const stored = Object.hasOwn(c.state.logins, login) ? c.state.logins[login] : undefined;
          return stored !== undefined && stored.expiresAt > now() ? stored.expiresAt : 0;
        },
      },
    },
  });
}
