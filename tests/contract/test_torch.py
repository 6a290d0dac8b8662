"""Tensors of torch: `make others` has torch, `make test-gpu` runs these tests on a GPU."""

from dataclasses import replace

import numpy as np
import pytest
from on_any_device import OnAnyDevice, rows_of, small

from somscape import SOM, SOMDetector
from somscape.errors import InputError
from somscape.estimators import _elsewhere as _libraries
from somscape.estimators._intake import take

torch = pytest.importorskip("torch", reason="torch is not installed: make others")


class OnTorch(OnAnyDevice):
    """Tests of rows in torch's tensors, on the device of the label."""

    label = "torch/cpu"

    @property
    def device(self):
        return self.label.partition("/")[2]

    def put(self, values):
        return torch.asarray(values, device=self.device)

    def get(self, array):
        return array.cpu().numpy()

    def is_there(self, array):
        return str(array.device) == self.device

    def test_the_users_precision_holds_before_and_after_but_not_within(self, monkeypatch):
        within, matmul = [], torch.backends.cuda.matmul
        product = _libraries.matmul
        X = rows_of(500, dtype=np.float32)
        plain = small(4, 5).fit(self.put(X))

        def looked_at(a, b):
            within.append((matmul.fp32_precision, torch.backends.mkldnn.matmul.fp32_precision))
            return product(a, b)

        monkeypatch.setattr(_libraries, "matmul", looked_at)
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("medium")
        try:
            with torch.autocast(self.device.partition(":")[0], dtype=torch.bfloat16):
                som = small(4, 5).fit(self.put(X))
            assert torch.get_float32_matmul_precision() == "medium"
        finally:
            torch.set_float32_matmul_precision(before)
        assert set(within) == {("ieee", "ieee")}
        np.testing.assert_array_equal(som.map_.codebook, plain.map_.codebook)

    def test_gradients_are_left_behind(self):
        X = rows_of(200)
        som = small(3, 4).fit(self.put(X).requires_grad_())
        np.testing.assert_array_equal(som.map_.codebook, small(3, 4).fit(self.put(X)).map_.codebook)
        for found in (som.codebook_, som.transform(self.put(X).requires_grad_())):
            assert not found.requires_grad

    @pytest.mark.parametrize("kind", ["float16", "bfloat16", "int32", "bool", "complex64"])
    def test_types_that_are_no_rows_are_refused(self, kind):
        X = self.put(rows_of(50)).to(getattr(torch, kind))
        with pytest.raises(
            InputError, match=f"float64, but X on {self.device}.* has values of {kind}"
        ):
            small(3, 3).fit(X)

    def test_sparse_tensors_are_refused(self):
        with pytest.raises(InputError, match=r"must be dense.*sparse"):
            small(3, 3).fit(self.put(rows_of(50)).to_sparse())


class TestDevicePathOnTheProcessor(OnTorch):
    """The path of devices, on the processor, where the core would train otherwise."""

    @pytest.fixture(autouse=True)
    def _away(self, monkeypatch):
        own = replace(_libraries.LIBRARIES["torch"], is_near=lambda X: False)
        monkeypatch.setitem(_libraries.LIBRARIES, "torch", own)


@pytest.mark.gpu
class TestGpu(OnTorch):
    """On the first GPU."""

    label = "torch/cuda:0"

    def test_the_processor_finds_the_same_map(self):
        X = rows_of(20_000, 20, dtype=np.float32)
        som, same = SOM(10, 12).fit(self.put(X)), SOM(10, 12).fit(X)
        errors = [s.history_["quantization_error"][-1] for s in (som, same)]
        assert abs(errors[0] / errors[1] - 1) < 1e-4

    def test_rows_and_weights_may_lie_on_the_gpu_and_here(self):
        X, w = rows_of(200), np.arange(1.0, 201.0)
        maps = [
            small(3, 4).fit(rows, sample_weight=weights).map_.codebook
            for rows, weights in ((self.put(X), torch.asarray(w)), (torch.asarray(X), self.put(w)))
        ]
        np.testing.assert_allclose(*maps)


class TestInMemory:
    """Tensors on the processor are the core's."""

    def test_the_map_is_that_of_the_array_and_results_are_tensors(self):
        X = rows_of()
        som, same = small(6, 8).fit(torch.asarray(X)), small(6, 8).fit(X)
        assert som.kernels_used_ == same.kernels_used_
        for found, expected in (
            (som.codebook_, same.codebook_),
            (som.labels_, same.labels_),
            (som.predict(torch.asarray(X)), same.labels_),
            (som.transform(torch.asarray(X)), same.transform(X)),
        ):
            assert isinstance(found, torch.Tensor)
            np.testing.assert_array_equal(found.numpy(), expected)
        som.codebook_[:] = 0  # a copy: the map stays
        np.testing.assert_array_equal(som.map_.codebook, same.codebook_)

    def test_rows_are_not_copied_and_gradients_are_left_behind(self):
        X = torch.asarray(rows_of(100)).requires_grad_()
        assert np.shares_memory(take(X, "X").data, X.detach().numpy())
        som = small(3, 4).fit(torch.nn.Parameter(X))
        assert not som.transform(X).requires_grad
        scores = SOMDetector(random_state=0).fit(X).score_samples(X)
        np.testing.assert_array_equal(
            scores, SOMDetector(random_state=0).fit(rows_of(100)).score_samples(rows_of(100))
        )

    def test_numbers_that_numpy_has_are_converted_and_others_refused(self):
        X = torch.asarray(rows_of(100)).round()
        expected = small(3, 4).fit(X.numpy()).codebook_
        for kind in (torch.float16, torch.int32):
            np.testing.assert_array_equal(small(3, 4).fit(X.to(kind)).codebook_, expected)
        with pytest.raises(InputError, match=r"torch.bfloat16.*X.float\(\)"):
            small(3, 4).fit(X.bfloat16())
        with pytest.raises(InputError, match="dense"):
            small(3, 4).fit(X.to_sparse())
        with pytest.raises(InputError, match=r"torch\.bfloat16"):
            small(3, 4).fit(X, sample_weight=torch.ones(100, dtype=torch.bfloat16))
        with pytest.raises(InputError) as caught:
            small(3, 4).fit(torch.where(torch.arange(500).reshape(100, 5) == 37, torch.inf, X))
        assert (caught.value.row, caught.value.column) == (7, "x2")


def test_a_device_without_values_is_refused():
    X = torch.zeros(9, 3, device="meta")
    with pytest.raises(InputError, match="torch raises an error on meta"):
        small(3, 4).fit(X)
