// A chat by the AI SDK's useChat, straight to the service; after a reload it goes on, in mid-answer, too.
// It needs Node 22 with npm, and CORS_ORIGINS=http://127.0.0.1:5173 for the service; in this folder:
// `npm install && npm start`, then http://127.0.0.1:5173/?service=http://127.0.0.1:8000
import { useChat } from "@ai-sdk/react";
import { DefaultChatTransport, getToolName, isToolUIPart } from "ai";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

const chats = `${new URLSearchParams(location.search).get("service") ?? "http://127.0.0.1:8000"}/ui/chat`;
const id = (localStorage.chat ??= crypto.randomUUID());
const transport = new DefaultChatTransport({
  api: chats,
  // The service knows what was said: the last answer and the new message are enough.
  prepareSendMessagesRequest: ({ id, messages, trigger, messageId }) => ({
    body: { id, messages: messages.slice(-3), trigger, messageId },
  }),
});
const stored = async () => (await (await fetch(`${chats}/${id}`)).json()).messages;

function Part({ part }) {
  if (part.type === "text") return <p>{part.text}</p>;
  if (part.type === "reasoning") return <p className="reasoning">{part.text}</p>;
  if (isToolUIPart(part)) return <p className="tool">{`${getToolName(part)} ${JSON.stringify(part.input)} ${part.state}`}</p>;
  return null;
}

function Page({ begun }) {
  const [words, setWords] = useState("");
  const chat = useChat({ id, messages: begun, transport });
  const busy = chat.status === "submitted" || chat.status === "streaming";
  useEffect(() => {
    // What is live is streamed again from its beginning; what has ended meanwhile is stored.
    chat.resumeStream().then(stored).then(chat.setMessages);
  }, []);
  const send = (event) => {
    event.preventDefault();
    chat.sendMessage({ text: words });
    setWords("");
  };
  const stop = () => fetch(`${chats}/${id}/stop`, { method: "POST" }); // chat.stop() would only close the connection
  return (
    <>
      {chat.messages.map((message) => (
        <article key={message.id} className={message.role}>
          {message.parts.map((part, place) => <Part key={place} part={part} />)}
        </article>
      ))}
      {chat.error && <p role="alert">{chat.error.message}</p>}
      <form onSubmit={send}>
        <input value={words} onChange={(event) => setWords(event.target.value)} size="40" aria-label="Message" />
        {busy ? <button type="button" onClick={stop}>Stop</button> : <button disabled={!words.trim()}>Send</button>}
        {!busy && chat.messages.length > 0 && <button type="button" onClick={() => chat.regenerate()}>Again</button>}
      </form>
    </>
  );
}

createRoot(document.querySelector("main")).render(<Page begun={await stored()} />);
