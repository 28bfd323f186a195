import type { Logger } from "@holdfast/core";
import type { Invitation } from "../contract/people.ts";
import { studioLimits } from "../limits.ts";
import type { AttemptCounter } from "./auth/attempts.ts";
import { invitationMail, resetMail, signInMail } from "./mail/letters.ts";
import type { Mailer } from "./mail/mailer.ts";
import type { People } from "./people.ts";

export interface LinksOptions {
  readonly people: People;
  /** Undefined where no mail server is set up. */
  readonly mailer: Mailer | undefined;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  /** Counts what was asked for, apart from attempts to sign in. */
  readonly attempts: AttemptCounter;
  readonly log: Logger;
}

/** Sends people their links: by mail where a mail server is set up. Otherwise they are handed over by others. */
export class Links {
  readonly #options: LinksOptions;
  /** Requests of strangers that were answered and are still carried out. */
  readonly #running = new Set<Promise<void>>();

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  get sendsMail(): boolean {
    return this.#options.mailer !== undefined;
  }

  /** Adds the link of an invitation, and mails it to the address that it is for. */
  async sendInvitation(
    invitation: Invitation & { readonly token: string },
  ): Promise<Invitation & { readonly token: string; readonly link: string; readonly mailed: boolean }> {
    const { origin, mailer, log } = this.#options;
    const { email, role, token } = invitation;
    const link = `${origin()}/join#invitation=${token}`;
    let mailed = false;
    if (mailer !== undefined && email !== null) {
      try {
        await mailer.send(invitationMail(email, role, link));
        mailed = true;
      } catch (error) {
        // Whoever invites sees that, and the link.
        log.warn("an invitation was not mailed", { error });
      }
    }
    return { ...invitation, link, mailed };
  }

  /** A link for an admin's member: mailed to the member, or else returned to the admin. Throws `people.mail_failed`. */
  async resetFor(
    person: string,
    email: string,
  ): Promise<{ readonly mailed: boolean; readonly link?: string }> {
    const { mailer } = this.#options;
    const link = await this.#resetLink(person);
    if (mailer === undefined) return { mailed: false, link };
    await mailer.send(resetMail(email, link));
    return { mailed: true };
  }

  /**
   * Takes a stranger's request for an e-mail address. It returns at once and tells nothing: the link goes to the mailbox
   * or, without a mail server, to the server's log. One for each address in a minute.
   */
  requestReset(email: string): void {
    this.#run(this.#reset(email), "a link to reset a password was not sent");
  }

  /** As `requestReset`, for a link that signs in. `create` makes the token, which comes back by `sendSignInToken`. */
  requestSignIn(email: string, create: (email: string) => Promise<unknown>): void {
    this.#run(this.#signIn(email, create), "a link to sign in was not sent");
  }

  #run(work: Promise<void>, failure: string): void {
    const run = work
      .catch((error: unknown) => this.#options.log.warn(failure, { error }))
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #signIn(email: string, create: (email: string) => Promise<unknown>): Promise<void> {
    const rule = { window: studioLimits.resetPauseMs / 1_000, max: 1 };
    if (!(await this.#options.attempts.consume(`link sign-in ${email.trim().toLowerCase()}`, rule)).allowed)
      return;
    const account = await this.#options.people.findAccount(email);
    if (account !== undefined) await create(account.email);
  }

  /** Mails a link that signs in, or writes it to the server's log where no mail server is set up. */
  readonly sendSignInToken = async (email: string, token: string): Promise<void> => {
    const { mailer, log, origin } = this.#options;
    const link = `${origin()}/sign-in#token=${token}`;
    if (mailer === undefined) log.warn("a person asked for a link to sign in", { email, link });
    else await mailer.send(signInMail(email, link));
  };

  async #reset(email: string): Promise<void> {
    const { people, mailer, log } = this.#options;
    const rule = { window: studioLimits.resetPauseMs / 1_000, max: 1 };
    if (!(await this.#options.attempts.consume(`link reset ${email.trim().toLowerCase()}`, rule)).allowed)
      return;
    const account = await people.findAccount(email);
    if (account === undefined) return;
    const link = await this.#resetLink(account.id);
    if (mailer === undefined) log.warn("a person asked for a link to reset their password", { email, link });
    else await mailer.send(resetMail(account.email, link));
  }

  async #resetLink(person: string): Promise<string> {
    return `${this.#options.origin()}/reset#token=${await this.#options.people.createReset(person)}`;
  }

  /** Waits for what strangers asked for. */
  async close(): Promise<void> {
    await Promise.all(this.#running);
  }
}
