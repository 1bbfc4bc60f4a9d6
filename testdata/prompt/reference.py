"""Writes jinja.json: what Python's Jinja gives for templates, in the environment of transformers
(utils/chat_template_utils.py). Made with Jinja 3.1.6 and Python 3.11:

    python3 reference.py > jinja.json
"""
import datetime
import json

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    """{% generation %} marks what the assistant says; here it only groups."""
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_group"), [], [], body).set_lineno(line)

    def _group(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda f: datetime.datetime(2024, 7, 26).strftime(f)
    return env


# Templates as models are published with them.
PUBLISHED = {
    "seallm": """{{ bos_token }}{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + eos_token + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "chatml": """{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "gemma": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}{% endif %}{{ '<start_of_turn>' + role + '\\n' + message['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\\n'}}{% endif %}""",
    "llama-2": """{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}""",
    "llama-3": """{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}""",
    "zephyr": """{% for message in messages %}
{% if message['role'] == 'user' %}
{{ '<|user|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'system' %}
{{ '<|system|>\\n' + message['content'] + eos_token }}
{% elif message['role'] == 'assistant' %}
{{ '<|assistant|>\\n'  + message['content'] + eos_token }}
{% endif %}
{% if loop.last and add_generation_prompt %}
{{ '<|assistant|>' }}
{% endif %}
{% endfor %}
""",
    "qwen": """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
""",
    "thinking": """{%- set ns = namespace(multi=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>')) %}
        {%- set ns.multi = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- set content = message.content %}
    {%- if message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and reasoning %}
            {{- '<|im_start|>assistant\\n<think>\\n' + reasoning + '\\n</think>\\n\\n' + content }}
        {%- else %}
            {{- '<|im_start|>assistant\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
""",
}

CONVERSATIONS = [
    [{"role": "user", "content": " Hi <b>there</b> \n"}, {"role": "assistant", "content": "Hello.\n"}, {"role": "user", "content": "2+2?"}],
    [{"role": "system", "content": "Be brief. "}, {"role": "user", "content": "Xin chào"},
     {"role": "assistant", "content": "<think>\nhm\n</think>\n\nChào!"}, {"role": "user", "content": "สวัสดี"}],
    [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\na"}],
    [{"role": "user", "content": "x"}, {"role": "user", "content": "y"}],
]

# One thing of the language each; an error of Jinja's must be one here too.
SNIPPETS = [
    "a {% if true %}x{% endif %}b",
    "{{ 'a' + ' b ' | trim + 'c' }}",
    "{{ x is defined }} {{ none }} {{ true }} {{ 1.0 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }}",
    "{% set ns = namespace(a=1) %}{% for m in messages %}{% set ns.a = ns.a + 1 %}{% endfor %}{{ ns.a }}",
    "{{ messages[0].content }}{{ messages[-1]['role'] }}{{ messages[1:] | length }}",
    "{{ messages | tojson }}",
    "{{ {'b': 1, 'a': [1, 2.5, 'x<y', none]} | tojson }}",
    "{{ {'b': 1, 'a': [1]} }} {{ ['x', \"it's\"] }}",
    "{% for m in messages %}\n  {% if m.role == 'user' %}\n    U: {{ m.content }}\n  {% endif %}\n{% endfor %}\nend\n",
    "{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ loop.last }}{% else %}none{% endfor %}",
    "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.content }}{% endfor %}",
    "{{ 'a,b,c'.split(',')[-1] }}{{ ' x '.strip() }}{{ 'abc'.upper() }}{{ 'x' in 'xyz' }}{{ 'abc'[1:] }}{{ 'abc'[::-1] }}",
    "{% macro f(a, b='q') %}[{{ a }}-{{ b }}]{% endmacro %}{{ f(1) }}{{ f(1, b=2) }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | map(attribute='role') | join(',') }}",
    "{{ undefinedvar }}|{{ undefinedvar is not defined }}|{{ undefinedvar | default('d') }}|{{ messages[0].foo is defined }}",
    "{{ undefinedvar.foo }}",
    "{{ 'a' ~ 1 ~ none }}",
    "{%- if messages[0]['role'] == 'system' -%} s {%- else -%} n {%- endif -%}",
    "{{ ('x' if false) }}|{{ 'y' if messages else 'n' }}",
    "{{ 'x' + 1 }}",
    "{{ raise_exception('boo') }}",
    "{% set x %}abc{% endset %}{{ x }}{% set a, b = [1, 2] %}{{ a }}{{ b }}",
    "{{ range(3) | list }} {{ range(5, 1, -2) | list }}",
    "{{ messages[0].items() | list }}",
    "{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}",
    "{% generation %}x{% endgeneration %}",
    "{{ 1 == 1.0 }} {{ '1' == 1 }} {{ not x }} {{ x and 1 }} {{ 3 > 2 > 1 }}",
    "{{- '\\n' }}a\n{{- 'b' -}}\n c",
    "{# c #}\nx\n  {# d #}\ny",
    "  {%+ if true %}x{% endif %}\n",
    "{% raw %}{{ x }}{% endraw %}",
    "{% filter upper %}abc{% endfilter %}",
    "{% if messages is string %}s{% elif messages is iterable %}i{% endif %}{{ messages is mapping }}{{ messages[0] is mapping }}",
    "{{ '%s-%s' | format('a', 'b') }}{{ '%d' % 3 }}",
    "{{ 'hello world' | title }}{{ 'a\\nb' | indent(2) }}",
    "{{ [3,1,2] | sort | join(' ') }}{{ [1,2,3] | reverse | list }}{{ [1,1,2]|unique|list }}",
    "{{ messages | first }}",
    "{{ '\u00e9\\u00e9' | tojson }}",
    "{{ messages[0].content.startswith('h') }}{{ 'abc'.replace('b', 'x') }}{{ 'a b'.title() }}",
    "{{ loop }}",
    "{{ {'a': 1}}}",
    "{{ {'a': {'b': 2}}.a.b }}",
    "{% set a = 'x' %}{% for i in range(3) %}{% set a = i %}{{ a }}{% endfor %}{{ a }}",
    "x\n\n{%- if true %}\n\n y\n{% endif -%}\n z",
    "a\n   {{- 'b' }}\n   {% if true %}\n   c\n   {% endif %}\n",
    "  {% if true %} x{% endif %}",
    "a {# c -#}\n b {#- d #} c",
    "{% raw %}\n {% x %}\n{% endraw %}\ny",
    "{{ 1.5e3 }} {{ 1e100 }} {{ 0.00001 }} {{ 1e16 }} {{ 123456789.123 }} {{ 1/3 }} {{ 7/2 }}",
    "{{ -2 * -x|length }} {{ 10 - 3 - 2 }} {{ 2 + 3 * 4 }} {{ 'a' ~ 1 + 2 ~ 'b' }} {{ not true == false }}",
    "{{ 3.7 | int }} {{ '12' | int + 1 }} {{ 'x' | int(7) }} {{ 7 | float }} {{ '1.5' | float }} {{ 'x' | float }}",
    "{{ 'a b  c'.split() }} {{ 'a,b,,c'.split(',', 1) }} {{ 'a,b,c'.rsplit(',', 1) }} {{ ' a  b c '.split(None, 1) }} {{ 'a\\nb\\r\\nc'.splitlines() }}",
    "{{ 'xxabcxx'.strip('x') }} {{ '  a '.lstrip() }}| {{ 'abc'.find('c') }} {{ 'abcabc'.rfind('b') }} {{ 'aXbX'.count('X') }} {{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('c') }} {{ 'HELLO world'.capitalize() }} {{ \"they're bill's\".title() }}",
    "{{ 'abc'.replace('', '-') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ ['a','b'] | join(', ') }} {{ '-'.join(['a', 'b']) }} {{ 'ab' * 3 }} {{ 3 * 'x' }}",
    "{{ [1, 2, 3][1:] }} {{ [1,2,3][:-1] }} {{ [1,2,3][::-1] }} {{ 'hello'[1:3] }} {{ 'hello'[-3:] }} {{ 'hello'[::2] }} {{ 'h\u00e9llo\u0e01'[1] }} {{ [1,2,3][-1] }} {{ [1,2][5] is defined }} {{ [1,2,3][5:] }} {{ [1,2,3][-10:2] }}",
    "{% for a, b in [[1, 2], [3, 4]] %}{{ a }}{{ b }},{% endfor %}",
    "{% for k in {'x': 1, 'y': 2} %}{{ k }}{% endfor %}{% for c in 'ab' %}[{{ c }}]{% endfor %}",
    "{% for i in [] %}x{% else %}empty{% endfor %}",
    "{% for i in [1,2,3] %}{{ loop.index }}/{{ loop.revindex }}/{{ loop.first }}/{{ loop.previtem is defined }}/{{ loop.nextitem }} {% endfor %}",
    "{% for i in range(10) if i % 2 %}{% if i == 5 %}{% continue %}{% endif %}{{ i }}{% if i == 7 %}{% break %}{% endif %}{% endfor %}",
    "{% for i in [1,2] %}{% for j in [1,2] %}{{ loop.depth }}{{ loop.index0 }} {% endfor %}{% endfor %}",
    "{% set x | upper %}abc{% endset %}{{ x }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, 2) }}{{ m(b=3, a=4) }}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}",
    "{{ {'a': 1, 'b': [1, 2]} | tojson(indent=2) }}",
    "{{ [] | tojson(indent=4) }}{{ {} | tojson }}{{ ['\u1ec7\\n\"\\\\\\t\\u0001/'] | tojson }}{{ [1.0, 1e20, true, none] | tojson }}",
    "{{ 'h\u00e9' | tojson(ensure_ascii=false) }} {{ {'a': [1], 'b': {}} | tojson(indent='-', separators=(';', '=')) }} {{ [1,2] | tojson(separators=(',', ':')) }}",
    "{{ {'b': 1, 'a': 2} | dictsort }} {{ {'a': 1} | items | list }} {{ ['b', 'A', 'c'] | sort }} {{ [3,1] | sort(reverse=true) }} {{ messages | sort(attribute='role') | map(attribute='content') | list }} {{ [[1, 2].0, {'a': [3]}.a.0] }}",
    "{{ messages | map(attribute='content') | map('upper') | list }} {{ messages | rejectattr('role', 'eq', 'user') | map(attribute='role') | first }} {{ [1,2,3,4] | select('odd') | list }} {{ [1,2,3] | reject('gt', 1) | list }} {{ ['', 'a'] | select | list }}",
    "{{ 'abc' | first }} {{ 'abc' | last }} {{ 'abc' | reverse }} {{ 'abc' | list }} {{ [] | first is defined }}",
    "{{ 'a\\nb\\n\\nc' | indent(2, true) }} {{ 'abc' | replace('b', 'x') }} {{ none | default('d') }} {{ none | default('d', true) }} {{ '' | d('e', true) }}",
    "{{ 1 is number }} {{ true is number }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ 'a' is sequence }} {{ none is none }} {{ x is undefined }} {{ 3 is odd }} {{ 'a' is in ['a'] }} {{ range is callable }} {{ 1 is not string }} {{ 1 is sameas 1 }} {{ true is true }} {{ false is boolean }}",
    "{{ 1 in [1, 2] }} {{ 'a' not in 'bcd' }} {{ 'k' in {'k': 1} }} {{ 1 < 2 < 3 }} {{ 'a' < 'b' }} {{ [1,2] == [1,2] }} {{ {'a': 1} == {'a': 1} }} {{ 'a' == none }} {{ 1 == true }} {{ (1,2) == [1,2] }}",
    "{{ true and 'x' }} {{ '' or 'y' }} {{ none or 0 }} {{ 1 if x else 2 }} {{ 'a' if true }} {{ ('a' 'b') }} {{ (1, 2) }} {{ (1,) }} {{ () }}",
    "{{ 'x' + none }}",
    "{{ none + 1 }}",
    "{{ 1 + '1' }}",
    "{{ [1] + (2,) }}",
    "{{ messages.foo.bar }}",
    "{{ none.foo }}",
    "{{ 'a' < 1 }}",
    "{{ 1 // 0 }}",
    "{{ foo() }}",
    "{{ 'abc'.foo() }}",
    "{{ messages.append(1) }}",
    "{% if %}x{% endif %}",
    "{{ 1 + }}",
    "{% for x in %}{% endfor %}",
    "{% endif %}",
    "{% if true %}",
    "{{ 'abc }}",
    "{{ ) }}",
    "{{ 1 | nope }}",
    "{{ 1 is nope }}",
    "{% nope %}",
    "{# x",
    "{{ (1 }}",
    "{% set x.y = 1 %}",
    "{% set x = 1 %}{% set x.y = 1 %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% set ns = namespace() %}{% set ns.x = 1 %}{{ ns.x }}{{ ns.y is defined }}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'assistant' %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}",
    "{{ '{} {}'.format('a', 1) }} {{ '%s|%d%%' % ('ab', 255) }} {{ '%s %s' | format(none, [1]) }} {{ '%%' % () }} {{ '%s' % 'z' }} {{ '%s' % [1] }}",
    "{{ strftime_now('%d %b %Y') }} {{ strftime_now('%Y-%m-%d %H:%M:%S %A %B %j %%') }}",
    "{{ range(2, 10, 3) | list }}{{ range(3)[1] }}{{ range(0) | list }}",
    "{{ dict(a=1, b=2) }}",
    "{{ messages[0].get('foo') }} {{ messages[0].get('foo', 'bar') }} {{ messages[0].keys() | list }} {{ messages[0]['role'] }} {{ messages[0].role }} {{ messages | last | length }}",
    "{{ ['a'] | tojson | length }} {{ 'h\u00e9' | length }} {{ {'a':1} | length }} {{ x | length }}",
    "{{ \"a'b\" }} {{ [\"a'b\", 'c\"d', 'e\\n\\\\\u00e9\\u200b'] }} {{ {'a': none, 1: true} }}",
    "{{ 'tab\\there' }}{{ 'uni\\u1ec7' }}{{ 'hex\\x41' }}{{ 'q\\'q' }}{{ 'b\\n' }}",
    "line1\r\nline2\r\n{% if true %}\r\nx\r\n{% endif %}\r\n",
    "{% if 1 %}a{% elif 2 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 2 %}b{% else %}c{% endif %}{% if 0 %}a{% elif 0 %}b{% else %}c{% endif %}",
    "{{ messages[0]['content'] | trim + 'x' }}|{{ '  y ' | trim }}|{{ 'xyx' | trim('x') }}",
    "{% set a = true %}{% if not a is defined %}u{% elif a is true and messages is defined %}t{% endif %}",
    "{{ 'a' if not x is defined else 'b' }}",
    "{%- for m in messages -%}\n  {{- m.role -}}\n{%- endfor -%}",
    "{% set content = messages[0].content %}{% if content is string %}{{ content }}{% else %}{% for c in content %}{{ c.text }}{% endfor %}{% endif %}",
    "{{ loop is defined }}{% for x in [1] %}{{ loop is defined }}{% endfor %}",
    "{{ 5 | string ~ 'x' }} {{ true | string }} {{ [1] | string }} {{ 1.0 | string }}",
    "{{ x is not defined or x is none }}",
    "{{ 'abc'|upper|lower|title }}",
    "{{ ''.join(messages|map(attribute='role')) }}",
    "{{ 'a'.isdigit() }} {{ '12'.isdigit() }} {{ ' '.isspace() }} {{ ''.isdigit() }}",
    "{% filter trim | upper %}  abc {% endfilter %}",
    "{{ 3 % 2 }} {{ -3 % 5 }} {{ 5.5 % 2 }} {{ 7.0 // 2 }} {{ 1 - -1 }}",
    "{{ [[1, [2, {'a': (1,)}]]] }}",
    "{{ true == 1 }} {{ 1.0 == 1 }} {{ '1' == 1 }} {{ none == false }}",
    "{{ namespace(a=1).a }}",
    "{{ '%s' % (1, 2) }}",
    "{{ '%s%s' % 1 }}",
    "{{ 'a\\tb\\\\n\\q\\'\\\nc' }}|{{ 'ab\\\ncd' }}",
    "{{ 'a\\x4' }}",
    "{{ 'abcdef'[4:1:-1] }} {{ 'abcdef'[-2::-2] }} {{ 'abc'[:-9:-1] }} {{ [1,2,3][5::-2] }} {{ [1,2,3][-9:9:2] }} {{ [1,2,3][2:-9:-1] }} {{ 'abc'[::-9] }}",
    "{{ 9007199254740993 < 9007199254740992 }} {{ -9223372036854775807 - 1 }} {{ -3 * -4 }} {{ 3 * -4 }} {{ 7 // -2 }} {{ 7 % -2 }} {{ 5 // -1 }} {{ 5 - 0 }} {{ 0 + 0 }} {{ -5.5 % 2 }} {{ -(-3) }}",
    "{{ range(-3) | list }} {{ range(0, -7, -3) | list }} {{ range(9223372036854775806, 9223372036854775807) | list }}",
    "{{ 'a\\n\\nb\\rc\\n'.splitlines() }} {{ 'aXbXc'.rsplit('X') }} {{ 'aXbXc'.split('X', 0) }} {{ ' a b '.split(None, 0) }} {{ ''.split() }} {{ ''.split('x') }} {{ 'aaa'.split('aa') }} {{ 'aaa'.rsplit('aa') }}",
    "{% filter replace('a', 'b') | upper %}a{{ 'a' }}{% endfilter %}{% set x | trim | length %} ab {% endset %}{{ x }}",
    "{{ 'x'.join([]) }} {{ 'abc' | join('-') }} {{ messages[0] | list }} {{ 'a' is in 'ab' }} {{ messages | map(attribute='nope', default='z') | list }} {{ [{'a': {'b': 1}}] | map(attribute='a.b') | list }}",
    "{{ 9223372036854775807 }} {{ 4611686018427387904 + 4611686018427387903 }}",
]


def render(template, messages, head):
    try:
        return {"text": environment().from_string(template).render(
            messages=messages, add_generation_prompt=head, bos_token="<bos>", eos_token="<eos>", tools=None, documents=None)}
    except Exception as err:
        return {"error": str(err)}


def case(template, messages, head):
    return {"messages": messages, "add_generation_prompt": head} | render(template, messages, head)


TWO = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]
published = [{"name": name, "template": t, "cases": [case(t, c, head) for c in CONVERSATIONS for head in (False, True)]}
             for name, t in PUBLISHED.items()]
snippets = [{"template": t} | render(t, TWO, False) for t in SNIPPETS]
print(json.dumps({"published": published, "messages": TWO, "snippets": snippets}, ensure_ascii=False, indent=0))
