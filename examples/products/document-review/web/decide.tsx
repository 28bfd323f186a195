/** The decision of a reviewer. */
import { useState } from "react";
import { limits } from "../limits.ts";
import type { Decision } from "../review.ts";

export function Decide(props: {
  onDecide: (decision: Decision["decision"], comment: string) => Promise<void>;
}) {
  const [comment, setComment] = useState("");
  const [isBusy, setBusy] = useState(false);
  const decide = async (decision: Decision["decision"]) => {
    setBusy(true);
    await props.onDecide(decision, comment);
    setBusy(false);
  };
  return (
    <section className="card decide" aria-labelledby="decide">
      <h2 id="decide">Your decision</h2>
      <label>
        Comment, needed unless you approve
        <textarea
          rows={3}
          maxLength={limits.maxCommentLength}
          value={comment}
          onChange={({ currentTarget: { value } }) => setComment(value)}
        />
      </label>
      <div className="actions">
        <button type="button" className="primary" disabled={isBusy} onClick={() => void decide("approve")}>
          Approve
        </button>
        <button type="button" disabled={isBusy} onClick={() => void decide("changes")}>
          Ask for changes
        </button>
        <button type="button" className="danger" disabled={isBusy} onClick={() => void decide("reject")}>
          Reject
        </button>
      </div>
    </section>
  );
}
