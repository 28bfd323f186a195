import { createHmac } from "node:crypto";
import { type HoldfastError, isHoldfastError, type Logger } from "@holdfast/core";
import type { Vault } from "@holdfast/gate";
import type {
  Destination,
  NotificationMessage,
  NotificationPort,
  SendOutcome,
  Standing,
} from "../backend/notifications/port.ts";
import type { Mailer } from "../people/mail/mailer.ts";
import { type OutgoingAnswer, type OutgoingHttp, retryAfterMs } from "./outgoing-http.ts";
import type { PushKeys, WebPush } from "./push.ts";
import { mailOf, slackBody, webhookBody } from "./texts.ts";

export interface NotificationSenderOptions {
  readonly http: OutgoingHttp;
  readonly push: WebPush;
  readonly pushKeys: () => Promise<PushKeys>;
  /** Undefined where no mail server is set up. */
  readonly mailer: Mailer | undefined;
  readonly vault: Pick<Vault, "readSecret" | "setSecret" | "deleteSecret">;
  readonly standing: (person: string, organization: string) => Promise<Standing>;
  readonly mentioned: (text: string, organization: string) => Promise<readonly string[]>;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  readonly log: Logger;
}

/** Sends notifications out of the process, once each. The actors decide what, when and how often. */
export class NotificationSender implements NotificationPort {
  readonly #options: NotificationSenderOptions;

  constructor(options: NotificationSenderOptions) {
    this.#options = options;
  }

  async pushKey(): Promise<string> {
    return (await this.#options.pushKeys()).publicKey;
  }

  get hasMail(): boolean {
    return this.#options.mailer !== undefined;
  }

  standing(person: string, organization: string): Promise<Standing> {
    return this.#options.standing(person, organization);
  }

  mentioned(text: string, organization: string): Promise<readonly string[]> {
    return this.#options.mentioned(text, organization);
  }

  async checkAddress(url: string): Promise<void> {
    await this.#options.http.addressesOf(new URL(url));
  }

  async storeSecret(name: string, value: string): Promise<void> {
    await this.#options.vault.setSecret({ name, owner: {} }, value);
  }

  async deleteSecret(name: string): Promise<void> {
    await this.#options.vault.deleteSecret({ name, owner: {} });
  }

  async send(destination: Destination, messages: readonly NotificationMessage[]): Promise<SendOutcome> {
    try {
      return await this.#send(destination, messages);
    } catch (error) {
      if (isHoldfastError(error)) return failed(describe(error), isFinal(error));
      this.#options.log.error("a notification failed", { channel: destination.channel, error });
      return failed("An internal error occurred. The server's log has it.", false);
    }
  }

  async #send(destination: Destination, messages: readonly NotificationMessage[]): Promise<SendOutcome> {
    const { push, pushKeys, mailer, http, origin } = this.#options;
    switch (destination.channel) {
      case "push":
        return push.send(destination.subscription, messages, await pushKeys());
      case "mail": {
        if (mailer === undefined) return failed("No mail server is set up on this server.", true);
        await mailer.send(mailOf(destination.to, messages, origin()));
        return { isDelivered: true };
      }
      case "webhook": {
        const [message] = messages;
        const secret = await this.#secret(destination.secret);
        if (secret === undefined) return lost();
        const body = webhookBody(message, origin());
        const headers = {
          "content-type": "application/json",
          "user-agent": "holdfast",
          "webhook-id": message?.id ?? "test",
          "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
        };
        return outcomeOf(destination.url, await http.post(destination.url, headers, body));
      }
      case "slack": {
        const url = await this.#secret(destination.secret);
        if (url === undefined) return lost();
        const headers = { "content-type": "application/json", "user-agent": "holdfast" };
        return outcomeOf(url, await http.post(url, headers, slackBody(messages, origin())));
      }
    }
  }

  #secret(name: string): Promise<string | undefined> {
    return this.#options.vault.readSecret({ name, owner: {} });
  }
}

function outcomeOf(url: string, { status, headers, text }: OutgoingAnswer): SendOutcome {
  if (status >= 200 && status < 300) return { isDelivered: true };
  const said = text.replaceAll(/\s+/g, " ").trim().slice(0, 120);
  const error = `${new URL(url).host} answered with status ${status}${said === "" ? "" : `: ${said}`}`;
  const after = retryAfterMs(headers["retry-after"]);
  const isFinal = status < 500 && status !== 408 && status !== 429;
  return { isDelivered: false, error, isFinal, ...(after === undefined ? {} : { retryAfterMs: after }) };
}

function failed(error: string, final: boolean): SendOutcome {
  return { isDelivered: false, error, isFinal: final };
}

function lost(): SendOutcome {
  return failed("The vault has no secret for it any more. Enter the address again.", true);
}

/** What another attempt cannot change: an address that is refused. */
function isFinal({ group, code }: HoldfastError): boolean {
  return code === "address_refused" || (group === "notification" && code === "invalid_input");
}

/** With what the mail server said. Its address stays with the operator. */
function describe(error: HoldfastError): string {
  const { cause } = error;
  if (error.code !== "mail_failed" || !(cause instanceof Error)) return error.message;
  const { response, code } = cause as { readonly response?: unknown; readonly code?: unknown };
  const said = typeof response === "string" ? response : typeof code === "string" ? code : "";
  return said === "" ? error.message : `${error.message} (${said.replaceAll(/\s+/g, " ").slice(0, 200)})`;
}
