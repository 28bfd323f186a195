import { actor } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { studioLimits } from "../limits.ts";
import type { BackendHost } from "./host.ts";

export interface AccessState {
  version: 1;
  /** SHA-256 of one-time tickets, with when they end. */
  tickets: Record<string, number>;
  /** SHA-256 of the secrets in login cookies. */
  logins: Record<string, { createdAt: number; expiresAt: number }>;
}

/** Who may use the Studio: tickets and logins, hashed. No client reaches this actor. */
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

        /** Uses a ticket up and records a login. Throws `auth.invalid_ticket`. */
        exchange(c, ticket: string, login: string): { readonly expiresAt: number } {
          const valid = Object.hasOwn(c.state.tickets, ticket) ? (c.state.tickets[ticket] ?? 0) : 0;
          delete c.state.tickets[ticket];
          if (valid <= now()) {
            const message = "This link was used already or is too old: ask the server for a new one";
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

        /** Ends a login; one that there is not has ended already. */
        end(c, login: string): void {
          delete c.state.logins[login];
        },

        /** When this login ends; 0 when there is none. */
        check(c, login: string): number {
          const found = Object.hasOwn(c.state.logins, login) ? c.state.logins[login] : undefined;
          return found !== undefined && found.expiresAt > now() ? found.expiresAt : 0;
        },
      },
    },
  });
}
