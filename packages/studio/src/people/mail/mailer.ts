/** Mails to people: their texts, and the way to a mail server. */
import { HoldfastError } from "@holdfast/core";

/** A mail of plain text to one person. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  /** Makes the Message-ID, so that the same mail sent twice is recognized. */
  readonly id?: string;
}

/** Sends mails. Nothing is queued or repeated. */
export interface Mailer {
  /** Throws `people.mail_failed`. */
  send(mail: Mail): Promise<void>;
  /** Connects and signs in, and sends nothing. Throws what the mail server answers. */
  verify(): Promise<void>;
}

export interface MailSettings {
  /** `smtp://` or `smtps://`, with user and password. */
  readonly url: string;
  /** Address of the sender. */
  readonly from: string;
}

/**
 * Mail over SMTP by nodemailer, an optional package. With `smtp:` the connection is upgraded by STARTTLS if the server
 * offers it. Throws `people.package_missing`, `people.invalid_mail`.
 */
export async function createMailer({ url, from }: MailSettings): Promise<Mailer> {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !["smtp:", "smtps:"].includes(address.protocol))
    throw invalid("The URL of the mail server begins with smtp:// or smtps://");
  if (!/^[^\r\n]*\S+@\S+[^\r\n]*$/.test(from)) throw invalid("The sender of mails must be an e-mail address");
  const { createTransport } = await import("nodemailer").catch((error: unknown) => {
    const isMissing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (!isMissing) throw error;
    const message =
      "Mail needs the package nodemailer, which is not installed here. Install it: npm install nodemailer";
    throw new HoldfastError("people", "package_missing", message, { statusCode: 400 });
  });
  const transport = createTransport(
    {
      url,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 20_000,
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
  return {
    verify: async () => void (await transport.verify()),
    async send(mail) {
      try {
        const { id, to, ...rest } = mail;
        const messageId = id === undefined ? {} : { messageId: `<${id}@holdfast>` };
        await transport.sendMail({ ...rest, ...messageId, to: { name: "", address: to } });
      } catch (cause) {
        const message = "The mail was not sent: the mail server refused it or did not answer";
        throw new HoldfastError("people", "mail_failed", message, { statusCode: 502, cause });
      }
    },
  };
}

function invalid(message: string): HoldfastError {
  return new HoldfastError("people", "invalid_mail", message, { statusCode: 400 });
}
