import type { ApiAnswer } from "../forge-server/server.ts";

/** An error answer in the shape of GitHub's API. */
export class Refusal extends Error {
  readonly answer: ApiAnswer;

  constructor(status: number, message: string, errors?: readonly unknown[]) {
    super(message);
    this.answer = {
      status,
      body: {
        message,
        ...(errors === undefined ? {} : { errors }),
        documentation_url: "https://docs.github.com/rest",
        status: String(status),
      },
    };
  }
}
