import { request } from "@holdfast/web-parts/request";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { signInOptionsQuery } from "../shared/people.ts";
import { AccessField, AccessForm, AccessFrame } from "./frame.tsx";

/** What a page says once the link is under way. */
interface Asked {
  readonly title: string;
  readonly text: string;
}

/** Asks for a link to an e-mail address. The answer is the same for an address that nobody has. */
export function AskForLink({
  title,
  submitLabel,
  path,
  mailed,
  unmailed,
  foot,
}: {
  readonly title: string;
  readonly submitLabel: string;
  /** The route that takes the address. */
  readonly path: string;
  readonly mailed: string;
  /** On a server that sends no mails. */
  readonly unmailed: Asked;
  readonly foot: ReactNode;
}) {
  const [email, setEmail] = useState("");
  const mail = useQuery(signInOptionsQuery()).data?.mail === true;
  const ask = useMutation({ mutationFn: () => request("POST", path, { email }) });
  const asked: Asked = mail ? { title: "Check your mail", text: mailed } : unmailed;
  if (ask.isSuccess)
    return (
      <AccessFrame title={asked.title}>
        <p role="status">{asked.text}</p>
        {foot}
      </AccessFrame>
    );
  return (
    <AccessFrame title={title}>
      <AccessForm
        submitLabel={submitLabel}
        isPending={ask.isPending}
        error={ask.error}
        onSubmit={() => ask.mutate()}
      >
        <AccessField
          label="E-mail address"
          type="email"
          autoComplete="username"
          value={email}
          onChange={setEmail}
        />
      </AccessForm>
      {foot}
    </AccessFrame>
  );
}
