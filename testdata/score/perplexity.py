"""Makes perplexity.json: the perplexities of text.txt by transformers and by llama-perplexity.

    python3 perplexity.py HF_FOLDER GGUF NAME [GGUF NAME ...]

HF_FOLDER is seallm-nano's safetensors folder; each GGUF's weights, dequantized, take the place of its own. The first
entry is the folder's own weights. Made with torch 2.14.1, transformers 5.12.1, gguf-py 0.19.0 and llama-perplexity
0.7.0 (Debian's), on CPU, all in float32: llama.cpp rounds what it multiplies quantized weights by to 8 bits, so that
llama-quantize made float32 files of them first (the same values); "direct" is the file as it is.
"""
import json, math, re, subprocess, sys, tempfile
import gguf, numpy, torch
from transformers import AutoTokenizer, GemmaForCausalLM

folder, forms = sys.argv[1], dict(zip(sys.argv[3::2], sys.argv[2::2]))
text = open("text.txt", encoding="utf-8").read()
ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt").input_ids

names = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
         "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def load(path):
    model = GemmaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    if not path:
        return model
    state = {}
    for t in gguf.GGUFReader(path).tensors:
        w = torch.from_numpy(numpy.array(gguf.quants.dequantize(t.data, t.tensor_type), dtype=numpy.float32))
        if t.name.endswith("norm.weight"):
            w = w - 1
        if t.name == "token_embd.weight":
            state["model.embed_tokens.weight"] = state["lm_head.weight"] = w
        elif t.name == "output_norm.weight":
            state["model.norm.weight"] = w
        else:
            _, layer, name, _ = t.name.split(".")
            state[f"model.layers.{layer}.{names[name]}.weight"] = w
    model.load_state_dict(state)
    return model


def stride(model, max_length, stride):
    """The loop of transformers' page "Perplexity of fixed-length models"."""
    seq_len, nll_sum, n_tokens, prev_end = ids.size(1), 0.0, 0, 0
    for begin in range(0, seq_len, stride):
        end = min(begin + max_length, seq_len)
        input_ids = ids[:, begin:end]
        target_ids = input_ids.clone()
        target_ids[:, :-(end - prev_end)] = -100
        with torch.no_grad():
            loss = model(input_ids, labels=target_ids).loss.double()
        n = (target_ids != -100).sum().item() - 1
        nll_sum, n_tokens, prev_end = nll_sum + loss.item() * n, n_tokens + n, end
        if end == seq_len:
            break
    return {"ctx": max_length, "stride": stride, "perplexity": math.exp(nll_sum / n_tokens)}


def llama(path, ctx):
    while True: # it now and then ends before its last lines are written
        out = subprocess.run(["llama-perplexity", "-m", path, "-f", "text.txt", "-c", str(ctx), "-b", str(ctx), "-ub", str(ctx), "-ctk",
                              "f32", "-ctv", "f32", "-fa", "off", "-dev", "none", "--no-warmup"], capture_output=True, text=True)
        if found := re.search(r"PPL = ([\d.]+) \+/- ([\d.]+)", out.stdout + out.stderr):
            running = [float(x) for x in re.findall(r"\[\d+\]([\d.]+),", out.stdout + out.stderr)]
            return {"ctx": ctx, "perplexity": float(found[1]), "stderr": float(found[2]), "running": running}


result = {"tokens": ids.size(1), "models": {}}
for name, path in [("hf-bf16", None), *forms.items()]:
    model = load(path)
    entry = {"stride": [stride(model, c, s) for c, s in [(128, 64), (128, 128), (100, 33), (1024, 512)]]}
    if path:
        with tempfile.NamedTemporaryFile(suffix=".gguf") as f:
            subprocess.run(["llama-quantize", "--allow-requantize", path, f.name, "F32"], check=True, capture_output=True)
            entry["llama"] = [llama(f.name, c) for c in (64, 128)]
        entry["direct"] = [llama(path, c) for c in (64, 128)]
    result["models"][name] = entry
with open("perplexity.json", "w") as f:
    json.dump(result, f, indent=1)
    f.write("\n")
