/** The form for a new document: its file, and who reviews it in which order. */
import { useState } from "react";
import { limits } from "../limits.ts";
import type { Draft } from "../review.ts";
import { messageOf } from "./actors.ts";
import { upload } from "./upload.ts";

const text = (form: FormData, name: string) => String(form.get(name) ?? "").trim();

export function NewDocument(props: {
  userId: string;
  onCreate: (draft: Draft) => Promise<string>;
  onCancel: () => void;
}) {
  const { userId, onCreate, onCancel } = props;
  const [reviewers, setReviewers] = useState([0]);
  const [error, setError] = useState("");
  const send = async (form: FormData) => {
    const deputy = text(form, "deputy");
    try {
      const file = form.get("file");
      if (!(file instanceof File)) return;
      if (file.size > limits.maxFileBytes) throw new Error("The file is too large.");
      const id = await onCreate({
        title: text(form, "title"),
        remindDays: Number(form.get("remindDays")),
        reviewers: reviewers.map((each) => ({
          name: text(form, `name-${each}`),
          mail: text(form, `mail-${each}`),
        })),
        ...(deputy === "" ? {} : { deputy: { name: deputy, mail: text(form, "deputy-mail") } }),
      });
      await upload(userId, id, file);
      location.hash = `#/d/${userId}/${id}`;
    } catch (cause) {
      setError(messageOf(cause));
    }
  };
  return (
    <form action={send} className="card stack" aria-labelledby="new">
      <h2 id="new">New document</h2>
      <label>
        Title
        <input name="title" required maxLength={limits.maxTitleLength} />
      </label>
      <label>
        File
        <input name="file" type="file" required />
      </label>
      <small>
        At most {limits.maxFileBytes / 1024 / 1024} MB. Text, Markdown, HTML and Word are summarised.
      </small>
      <fieldset>
        <legend>Reviewers, in this order</legend>
        {reviewers.map((each, at) => (
          <Person
            key={each}
            name={`name-${each}`}
            mail={`mail-${each}`}
            label={`Reviewer ${at + 1}`}
            isRequired
          />
        ))}
        <button
          type="button"
          disabled={reviewers.length >= limits.maxReviewers}
          onClick={() => setReviewers([...reviewers, Math.max(...reviewers) + 1])}
        >
          Add a reviewer
        </button>
      </fieldset>
      <fieldset>
        <legend>If somebody does not answer</legend>
        <label>
          Remind after days
          <input
            name="remindDays"
            type="number"
            defaultValue={3}
            min={limits.minRemindDays}
            max={limits.maxRemindDays}
            required
          />
        </label>
        <Person name="deputy" mail="deputy-mail" label="Deputy" isRequired={false} />
        <small>After {limits.reminders} reminders, the deputy may decide instead.</small>
      </fieldset>
      {error !== "" && <p role="alert">{error}</p>}
      <div className="actions">
        <button type="submit" className="primary">
          Send it to the first reviewer
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function Person(props: { name: string; mail: string; label: string; isRequired: boolean }) {
  const { name, mail, label, isRequired } = props;
  return (
    <div className="pair">
      <label>
        {label}
        <input name={name} required={isRequired} maxLength={limits.maxNameLength} />
      </label>
      <label>
        {label}: mail, if any
        <input name={mail} type="email" maxLength={200} />
      </label>
    </div>
  );
}
