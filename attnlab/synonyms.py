"""Words that people of the trade use for what is called otherwise here; refusals name the right one.

A word is looked up only where it is no key and no choice, so that a plugin's part of the same name is found first.
"""

KEYS = {
    "data.path": "path file data_path data_file data_dir data.file data.files data.folder data.dir data.data_dir data.root",
    "data.separator": "sep delimiter separator data.sep data.delimiter",
    "data.limit": "max_examples max_samples data.max_examples data.max_samples data.num_samples",
    "data.text": "text_column data.text_column data.text_field",
    "data.label": "label_column target_column data.label_column data.label_field data.target data.target_column",
    "data.validation": "val_split validation_split data.val data.val_size data.val_split data.validation_size "
    "data.validation_split",
    "data.test": "test_split test_size data.test_size data.test_split",
    "data.max_length": "max_len max_seq_length data.max_len data.max_seq_length",
    "data.folds": "folds cv kfold k_fold n_folds cross_validation data.cv data.k_folds data.n_folds",
    "data.tokens": "tokenizer tokeniser data.tokenizer data.tokeniser",
    "data.subwords": "vocab_size data.vocab_size data.vocabulary_size",
    "encoder": "model arch architecture backbone",
    "encoder.width": "d_model hidden hidden_size hidden_dim model_dim embed_dim embedding_dim encoder.d_model encoder.dim "
    "encoder.hidden encoder.hidden_size encoder.hidden_dim encoder.channels embedding.dim embedding.size",
    "encoder.depth": "layers num_layers n_layers num_hidden_layers num_blocks encoder.layers encoder.num_layers "
    "encoder.n_layers encoder.blocks encoder.num_blocks",
    "encoder.heads": "heads num_heads n_heads nhead num_attention_heads encoder.num_heads encoder.n_heads encoder.nhead",
    "encoder.dropout": "dropout dropout_rate trainer.dropout encoder.dropout_rate",
    "encoder.trained": "freeze frozen trainable freeze_encoder freeze_backbone encoder.freeze encoder.frozen encoder.trainable",
    "encoder.feed_forward": "d_ff ffn_dim dim_feedforward mlp_ratio encoder.d_ff encoder.ffn_dim encoder.dim_feedforward "
    "encoder.mlp_ratio",
    "encoder.head_width": "head_dim d_k encoder.head_dim",
    "head.class_weights": "class_weight class_weights head.class_weight trainer.class_weights",
    "head.label_smoothing": "label_smoothing trainer.label_smoothing",
    "head.metrics": "metric metrics trainer.metrics",
    "head.beam": "beam beam_size num_beams head.beam_size head.num_beams",
    "optimizer.lr": "lr learning_rate trainer.lr trainer.learning_rate optimizer.learning_rate",
    "optimizer.layer_decay": "layer_decay llrd layerwise_lr_decay layer_lr_decay layer_wise_lr_decay optimizer.llrd",
    "optimizer.weight_decay": "wd weight_decay l2 trainer.weight_decay optimizer.wd",
    "schedule": "scheduler lr_schedule lr_scheduler lr_scheduler_type",
    "schedule.warmup": "warmup warmup_ratio warmup_steps trainer.warmup optimizer.warmup",
    "trainer.epochs": "epochs num_epochs max_epochs n_epochs num_train_epochs trainer.num_epochs trainer.max_epochs",
    "trainer.updates": "steps max_steps num_steps trainer.steps trainer.max_steps",
    "trainer.batch_vectors": "batch batch_size train_batch_size data.batch_size trainer.batch trainer.batch_size",
    "trainer.accumulate": "grad_accum gradient_accumulation_steps accumulate_grad_batches "
    "trainer.accumulate_grad_batches trainer.gradient_accumulation_steps",
    "trainer.clip": "clip grad_clip gradient_clip max_grad_norm clip_grad_norm gradient_clip_val trainer.grad_clip "
    "trainer.gradient_clip trainer.max_grad_norm trainer.gradient_clip_val",
    "trainer.average": "ema ema_decay trainer.ema trainer.ema_decay",
    "trainer.patience": "patience early_stopping trainer.early_stopping",
    "trainer.monitor": "monitor early_stopping_metric trainer.metric",
    "trainer.validate_every": "eval_every eval_steps val_check_interval trainer.eval_every trainer.val_check_interval",
    "trainer.threads": "threads num_threads trainer.num_threads",
    "trainer.precision": "precision amp dtype fp16 bf16 trainer.amp trainer.dtype",
    "trainer.device": "device accelerator trainer.accelerator",
    "trainer.workers": "workers num_workers data.num_workers data.workers trainer.num_workers",
    "members": "ensemble num_models ensemble_size",
    "init": "pretrained init_from from_pretrained load_from finetune_from init_checkpoint model_name_or_path",
    "seed": "random_seed random_state trainer.seed",
    "outputs": "output output_dir out_dir save_dir log_dir trainer.output_dir",
}
"""Names of keys and groups: what it is called here, and what it is called elsewhere."""

VALUES = {
    "task": {
        "task=tagging": "token_classification sequence_labelling sequence_labeling sequence_tagging tagger ner "
        "named_entity_recognition chunking node_classification",
        "task=classification": "classify classifier text_classification sequence_classification text texts",
        "task=classification data=image_folder": "image images picture pictures image_classification",
        "task=classification data=speech_folder": "audio sound audio_classification",
        "task=regression": "regress regressor text_regression number numbers",
        "task=pos": "pos_tagging part_of_speech",
        "task=sentiment": "sentiment_analysis",
        "task=keywords": "kws keyword_spotting speech_commands",
        "task=transcription": "asr speech_recognition automatic_speech_recognition speech_to_text stt transcribe",
        "task=translation": "mt nmt machine_translation translate seq2seq text2text text_to_text summarisation "
        "summarization",
        "task=voice_activity": "vad voice_activity_detection",
        "task=graph": "graph_classification graph_regression molecules molecule",
    },
    "data": {
        "data=csv": "tsv table json jsonl texts",
        "data=tagged": "conll conll03 conll2003 bio iob iob2 ner",
        "data=ud_ewt": "conllu ud treebank universal_dependencies",
        "data=parallel": "pairs bitext",
        "data=image_folder": "imagefolder images image pictures",
        "data=speech_folder": "audio audio_folder audiofolder wav recordings",
        "data=speech_manifest": "manifest",
        "data=graph_jsonl": "graphs",
        "data=tu": "tudataset",
        "data=molecule_net": "moleculenet",
    },
    "embedding": {
        "embedding=one_hot": "onehot",
        "embedding=pretrained embedding.path=FILE": "glove word2vec w2v fasttext",
        "embedding=word_char": "char chars charcnn char_cnn",
    },
    "encoder": {
        "encoder=attention": "transformer self_attention attn vit bert",
        "encoder=recurrent": "rnn lstm bilstm blstm",
        "encoder=recurrent encoder.cell=gru": "gru bigru",
        "encoder=convolution": "cnn conv convnet conv1d conv2d resnet tcn",
        "encoder=fully_connected": "mlp dense fc feed_forward ffn",
        "encoder=graph_conv": "gnn mpnn gin",
        "encoder=graph_conv encoder.convolution=gatv2": "gat gatv2",
        "encoder=graph_conv encoder.convolution=gcn": "gcn",
    },
    "head": {
        "head=tagging": "token_classification sequence_labelling sequence_labeling tagger",
        "head=classification": "classifier sequence_classification regression",
        "head=graph": "graph_classification graph_regression",
        "head=seq2seq": "decoder encoder_decoder sequence_to_sequence",
    },
    "optimizer": {"optimizer=adamw": "adam"},
    "schedule": {
        "schedule=constant": "linear warmup none",
        "schedule=cosine": "cosine_annealing one_cycle onecycle",
    },
    "trainer.device": {"trainer.device=cuda": "gpu gpu:0 cuda:0 nvidia"},
    "trainer.precision": {
        "trainer.precision=bf16": "fp16 16 half float16 bfloat16 16_mixed bf16_mixed mixed amp",
        "trainer.precision=fp32": "32 float float32 full single 32_true",
    },
    "data.separator": {
        "data.separator=comma": ", commas",
        "data.separator=semicolon": "; semicolons",
        "data.separator=tab": r"\t tabs",
        "data.separator=bar": "| pipe vertical_bar",
    },
    "encoder.cell": {"encoder.cell=lstm": "bilstm", "encoder.cell=gru": "bigru"},
    "encoder.convolution": {"encoder.convolution=gatv2": "gat"},
    "data.target_kind": {
        "data.target_kind=class": "classification categorical multiclass multi_class",
        "data.target_kind=classes": "multilabel multi_label labels",
        "data.target_kind=number": "regression numeric float real continuous",
    },
    "data.too_long": {
        "data.too_long=cut": "truncate truncation trim crop",
        "data.too_long=drop": "skip remove filter",
        "data.too_long=refuse": "error raise",
    },
    "head.class_weights": {
        "head.class_weights=balanced": "inverse inverse_frequency",
        "head.class_weights=equal": "uniform none",
    },
    "head.readout": {"head.readout=mean": "average avg", "head.readout=sum": "add"},
    "head.metrics": {
        "head.metrics=[accuracy]": "acc",
        "head.metrics=[macro_f1]": "f1",
        "head.metrics=[roc_auc]": "auc auroc",
        "head.metrics=[matthews]": "mcc",
        "head.metrics=[average_precision]": "ap auprc pr_auc",
        "head.metrics=[rmse]": "mse",
    },
    "state": {
        "state=finished": "done complete completed ok",
        "state=running": "active",
        "'state=cut off'": "stopped interrupted killed aborted incomplete",
        "state=failed": "error crashed",
    },
    "position": {"rotary": "rope", "sinusoidal": "sine", "learned": "absolute", "relative": "t5"},
    "score": {
        "scaled_dot": "scaled scaled_dot_product sdpa",
        "additive": "bahdanau concat",
        "bilinear": "luong general",
    },
    "scope": {
        "window:RADIUS": "local sliding sliding_window band",
        "full": "global all",
        "edges": "graph neighbours",
    },
}
"""Choices of a group, values of a key, or parts of a kind: what to write, and what it is called elsewhere."""

_NOTES = {
    "trainer.batch_vectors": ", which counts vectors (words, frames, …), not examples",
    "trainer.validate_every": ", in updates",
    "encoder.feed_forward": ", in multiples of encoder.width",
    "schedule.warmup": ", a fraction of all updates",
    "encoder=recurrent": " (an LSTM unless you set encoder.cell=gru)",
    "encoder=graph_conv": " (GIN unless you set encoder.convolution=gatv2 or gcn)",
    "schedule=constant": " or `schedule=cosine`, which both begin with a linear warm-up",
    "task=tagging": " with data of your own, as in `data=tagged data.path=FILE`",
    "task=classification": " with data of your own, as in `data=csv data.path=FILE`",
    "task=regression": " with data of your own, as in `data=csv data.path=FILE data.label=COLUMN`",
    "task=sentiment": ", or `task=classification data=csv data.path=FILE` for texts of your own",
    "data=ud_ewt": " with the folder of any treebank: data.path=FOLDER",
}
_KEYS = {word: key for key, words in KEYS.items() for word in words.split()}
_VALUES = {
    of: {word: right for right, words in table.items() for word in words.split()} for of, table in VALUES.items()
}


def spelt(word: str) -> str:
    """A word as names are spelt here: `BF16-mixed` is `bf16_mixed`."""
    return word.strip().lower().replace("-", "_")


def key(name: str) -> str | None:
    """The key or group that is meant by a name from elsewhere; None where nobody knows."""
    return _KEYS.get(spelt(name))


def choice(word: str, of: str) -> str | None:
    """The choice of a group that is meant by a word from elsewhere; None where nobody knows."""
    right = _VALUES[of].get(spelt(word))
    return right and right.partition(" ")[0].removeprefix(f"{of}=")


def right_word(word: str, of: str) -> str | None:
    """The end of a refusal that names what is meant by a word from elsewhere; None where nobody knows.

    of: whose value the word is, as in `VALUES`; "" where it is the name of a key.
    """
    if of:
        right = _VALUES.get(of, {}).get(spelt(word))
        return right and f"write `{right}`{_NOTES.get(right, '')}"
    name = key(word)
    return name and f"it is `{name}` here{_NOTES.get(name, '')}"
