"""A decoder-only Transformer: RMSNorm before each block, rotary positions, SwiGLU, one matrix for input and output
tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from aigc_data.train.config import TrainConfig


@dataclass
class Cache:
    """Keys and values that were read, per layer (batch, heads, context, head width); the first `length` are filled."""

    keys: list[Tensor]
    values: list[Tensor]
    length: int = 0


class Norm(nn.Module):
    """RMSNorm (Zhang & Sennrich 2019, arXiv:1910.07467, eq. 4)."""

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """(…, width) → (…, width)."""
        return F.rms_norm(x, (x.shape[-1],), self.weight, 1e-6)


class Attention(nn.Module):
    """Causal self-attention with rotary positions; queries and keys are normalised (Henry et al. 2020,
    arXiv:2010.04245).
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = Norm(width // heads)
        self.key_norm = Norm(width // heads)

    def forward(self, x: Tensor, turn: Tensor, cache: Cache | None, layer: int) -> Tensor:
        """x: (batch, time, width); `turn`: cosines and sines of these positions, (2, time, head width / 2)."""
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(self.query_norm(q), turn), rotate(self.key_norm(k), turn)
        q, k = q.to(v.dtype), k.to(v.dtype)
        if cache is None or cache.length == 0:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            past = cache.length
            keys = torch.cat([cache.keys[layer][:, :, :past], k], dim=2)
            values = torch.cat([cache.values[layer][:, :, :past], v], dim=2)
            seen = torch.ones(t, past + t, dtype=torch.bool, device=x.device).tril(past)
            y = F.scaled_dot_product_attention(q, keys, values, attn_mask=seen)
        if cache is not None:
            cache.keys[layer][:, :, cache.length : cache.length + t] = k
            cache.values[layer][:, :, cache.length : cache.length + t] = v
        return self.out(y.transpose(1, 2).reshape(b, t, c))


class Block(nn.Module):
    """Attention, then SwiGLU (Shazeer 2020, arXiv:2002.05202, eq. 5), each added to the stream."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        # 8/3 keeps the parameters of a plain four-fold MLP; a multiple of 16 keeps matrix kernels aligned.
        hidden = max(16, 8 * width // 3 // 16 * 16)
        self.attention_norm = Norm(width)
        self.attention = Attention(width, heads)
        self.mlp_norm = Norm(width)
        self.gate_up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, turn: Tensor, cache: Cache | None, layer: int) -> Tensor:
        """(batch, time, width) → the same."""
        x = x + self.attention(self.attention_norm(x), turn, cache, layer)
        gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, dim=-1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    """Token ids (batch, time) → logits (batch, time, vocabulary); `time` at most the config's context."""

    turns: Tensor

    def __init__(self, config: TrainConfig, *, vocabulary: int):
        super().__init__()
        self.config, self.vocabulary = config, vocabulary
        self.embedding = nn.Parameter(torch.empty(vocabulary, config.width))
        self.blocks = nn.ModuleList(Block(config.width, config.heads) for _ in range(config.layers))
        self.norm = Norm(config.width)
        self.register_buffer("turns", turns(config.context, config.width // config.heads), persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        # Drawn on the CPU from one generator in the order of names: the same start on any device.
        source = torch.Generator().manual_seed(self.config.seed)
        with torch.no_grad():
            for name, p in self.named_parameters():
                if p.ndim >= 2:
                    # What writes into the stream starts at nothing: at first the model is its embedding alone.
                    into_stream = name.endswith(("out.weight", "down.weight"))
                    std = 0.0 if into_stream else 0.02 if name == "embedding" else p.shape[1] ** -0.5
                    p.normal_(0.0, std, generator=source)

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits of the next token at each position. With a cache, `ids` follow what it holds, and it is filled on."""
        past = cache.length if cache is not None else 0
        turn = self.turns[:, past : past + ids.shape[1]]
        # Embeddings are small, because they are the output matrix too: without a norm the blocks would drown them.
        x = F.rms_norm(F.embedding(ids, self.embedding), (self.config.width,))
        for layer, block in enumerate(self.blocks):
            x = block(x, turn, cache, layer)
        if cache is not None:
            cache.length += ids.shape[1]
        return F.linear(self.norm(x), self.embedding)

    def cache(self, batch: int = 1) -> Cache:
        """An empty cache for `context` tokens."""
        c = self.config
        shape = (batch, c.heads, c.context, c.width // c.heads)
        keys, values = ([self.embedding.new_zeros(shape) for _ in self.blocks] for _ in range(2))
        return Cache(keys, values)


def turns(context: int, width: int) -> Tensor:
    """Cosines and sines of the rotary angles, (2, context, width / 2) (Su et al. 2021, arXiv:2104.09864, eq. 15)."""
    angles = torch.outer(torch.arange(context).float(), 10_000.0 ** (-torch.arange(0, width, 2).float() / width))
    return torch.stack([angles.cos(), angles.sin()])


def rotate(x: Tensor, turn: Tensor) -> Tensor:
    """Turn the pairs (x[i], x[i + half]) of the last axis by their position's angles."""
    a, b = x.chunk(2, dim=-1)
    cos, sin = turn[0], turn[1]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
