"""The names of spans' attributes: OpenTelemetry's conventions for generative AI, and our own beside them.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-agent-spans/. The contents of messages, arguments and results
are not among them, and never will be.
"""

from __future__ import annotations

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
AGENT = "gen_ai.agent.name"
CONVERSATION = "gen_ai.conversation.id"
MODEL = "gen_ai.request.model"
STREAM = "gen_ai.request.stream"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"  # seconds
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
TOOL = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
CALL_ID = "gen_ai.tool.call.id"
ERROR = "error.type"

# Values of OPERATION
RUN, STEP, CALL = "invoke_agent", "chat", "execute_tool"

# Our own
RUN_ID = "marquee.run.id"
OUTCOME = "marquee.run.outcome"
COMMITS = "marquee.run.commits"
EVENTS = "marquee.commit.events"
QUERY = "url.query"  # FastAPI's, overwritten: people type it
